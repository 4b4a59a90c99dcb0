// What the twin told this page last, and the calls that act in the person's name.
export const state = JSON.parse(document.getElementById("first-state").textContent);

export async function refresh() {
  const answer = await fetch(`/page/state?user=${encodeURIComponent(state.you)}`);
  Object.assign(state, await answer.json());
}

export async function act(action, details = {}) {
  const answer = await fetch("/page/do", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ action, user: state.you, ...details }),
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

export function follow(changed, linked) {
  const socket = new WebSocket(`ws://${location.host}/page/live`);
  let busy = false;
  let again = false;
  const update = async () => {
    if (busy) return void (again = true);
    busy = true;
    do {
      again = false;
      await refresh();
      changed();
    } while (again);
    busy = false;
  };
  socket.onopen = () => linked(true);
  socket.onmessage = update;
  socket.onclose = () => {
    linked(false);
    setTimeout(() => follow(changed, linked), 1000);
  };
}
