/* Tells Python the places of what may be ARP in a capture: the fast twin of the strides in pcap.py and
 * pcapng.py, which stand in where this was not built. Nothing is given but numbers and copies of what
 * lies in the buffer; what a packet says is decided elsewhere.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_walk.h"

enum {
    MOST_INNER = 64,
    SMALL = 65536,         /* bytes that are walked sooner than other threads are let in */
    SLOTS = 1024,          /* unwanted packets that a call remembers; a power of two */
};

/* How hits are told. */
typedef struct Telling {
    size_t header;         /* of a record */
    size_t plain, tagged;  /* how many bytes of a packet matter */
    int link;              /* a classic pcap's, and nanoseconds in a unit of its fractions: */
    unsigned tick;
    PyObject *enough;      /* a set of such bytes; what is in there and came before a time is only counted */
    unsigned long long until;
    uint64_t (*time)(const Walk *, const Hit *, const struct Telling *);
    PyObject *(*told)(const Walk *, const Hit *, PyObject *bytes, const struct Telling *);
} Telling;

/* Nanoseconds since 1970. */
static uint64_t packet_time(const Walk *walk, const Hit *hit, const Telling *how)
{
    return (uint64_t)word(walk, hit->position) * 1000000000u
           + (uint64_t)word(walk, hit->position + 4) * how->tick;
}

/* Ticks of its interface's clock. */
static uint64_t block_time(const Walk *walk, const Hit *hit, const Telling *how)
{
    (void)how;
    return (uint64_t)word(walk, hit->position + 12) << 32 | word(walk, hit->position + 16);
}

/* (number, time, link type, the bytes that matter, None) */
static PyObject *packet_told(const Walk *walk, const Hit *hit, PyObject *bytes, const Telling *how)
{
    return Py_BuildValue("(KKiOO)", hit->number, (unsigned long long)packet_time(walk, hit, how),
                         how->link, bytes, Py_None);
}

/* (number, position) */
static PyObject *block_told(const Walk *walk, const Hit *hit, PyObject *bytes, const Telling *how)
{
    (void)walk;
    (void)bytes;
    (void)how;
    return Py_BuildValue("(Kn)", hit->number, (Py_ssize_t)hit->position);
}

/* Where a packet is remembered; others may be, too. */
static size_t slot(const char *data, size_t length)
{
    uint64_t mixed = 0;
    for (size_t i = 0; i + sizeof mixed <= length; i += sizeof mixed) {
        uint64_t part;
        memcpy(&part, data + i, sizeof part);
        mixed = (mixed ^ part) * 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 32;
    }
    return mixed % SLOTS;
}

/* Put what is to be told of a hit into the list, or count it; -1 = an exception is set. What was found
 * unwanted is known again without asking the set: that would make bytes of it and take ten times as long. */
static int tell(const Walk *walk, const Hit *hit, const Telling *how, PyObject **unwanted,
                PyObject *list, size_t *passed)
{
    size_t most = hit->tagged ? how->tagged : how->plain, length = hit->length < most ? hit->length : most;
    const char *data = (const char *)walk->data + hit->position + how->header;
    int early = how->time(walk, hit, how) < how->until;
    PyObject **like = &unwanted[slot(data, length)];
    if (early && *like && (size_t)PyBytes_GET_SIZE(*like) == length
        && !memcmp(PyBytes_AS_STRING(*like), data, length)) {
        ++*passed;
        return 0;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
    int known = !bytes ? -1 : early ? PySet_Contains(how->enough, bytes) : 0;
    if (known > 0) {
        ++*passed;
        Py_XSETREF(*like, bytes);
        return 0;
    }
    PyObject *told = known ? NULL : how->told(walk, hit, bytes, how);
    int done = told ? PyList_Append(list, told) : -1;
    Py_XDECREF(told);
    Py_XDECREF(bytes);
    return done;
}

typedef size_t Run(Walk *, Hit *);

static PyObject *scan(Run *run, Walk *walk, const Telling *how)
{
    if (walk->position > walk->size || walk->ethertype > MOST_INNER || walk->inner > MOST_INNER) {
        PyErr_SetString(PyExc_ValueError, "a place lies out of range");
        return NULL;
    }
    size_t rest = walk->size - walk->position, found, passed = 0;
    int small = rest < SMALL;   /* a live stream comes in records; whoever lets others in may wait long */
    Hit *hits = PyMem_Malloc((small ? rest / how->header + 1 : MOST_HITS) * sizeof *hits);
    if (!hits)
        return PyErr_NoMemory();
    if (small) {
        found = run(walk, hits);
    } else {
        Py_BEGIN_ALLOW_THREADS
        found = run(walk, hits);
        Py_END_ALLOW_THREADS
    }
    PyObject *list = PyList_New(0), *unwanted[SLOTS] = {NULL};
    for (size_t i = 0; list && i < found; i++)
        if (tell(walk, &hits[i], how, unwanted, list, &passed) < 0)
            Py_CLEAR(list);
    for (size_t i = 0; i < SLOTS; i++)
        Py_XDECREF(unwanted[i]);
    PyMem_Free(hits);
    if (!list)
        return NULL;
    return Py_BuildValue("(nnKnN)", (Py_ssize_t)walk->position, (Py_ssize_t)walk->last, walk->packets,
                         (Py_ssize_t)passed, list);
}

static PyObject *walked(Run *run, Walk *walk, const Telling *how, Py_buffer *view)
{
    walk->data = view->buf;
    walk->size = (size_t)view->len;
    walk->last = walk->position;
    PyObject *answer = scan(run, walk, how);
    PyBuffer_Release(view);
    return answer;
}

static PyObject *pcap(PyObject *self, PyObject *arguments)
{
    Py_buffer view;
    Walk walk = {0};
    Telling how = {.header = RECORD_HEADER, .told = packet_told, .time = packet_time};
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nKp(nn)(nn)O!KiI", &view, &walk.position, &walk.packets,
                          &walk.swap, &walk.ethertype, &walk.inner, &how.plain, &how.tagged,
                          &PySet_Type, &how.enough, &how.until, &how.link, &how.tick))
        return NULL;
    return walked(run_pcap, &walk, &how, &view);
}

static PyObject *pcapng(PyObject *self, PyObject *arguments)
{
    Py_buffer view;
    Walk walk = {0};
    Telling how = {.header = PACKET_HEADER, .told = block_told, .time = block_time};
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nKpI(nn)(nn)O!K", &view, &walk.position, &walk.packets,
                          &walk.swap, &walk.interfaces, &walk.ethertype, &walk.inner, &how.plain, &how.tagged,
                          &PySet_Type, &how.enough, &how.until))
        return NULL;
    return walked(run_pcapng, &walk, &how, &view);
}

static PyMethodDef methods[] = {
    {"pcap", pcap, METH_VARARGS, "Walk records of a classic pcap: see compiled.py."},
    {"pcapng", pcapng, METH_VARARGS, "Walk enhanced packet blocks: see compiled.py."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_scan", "Places of what may be ARP in a capture.", 0, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__scan(void)
{
    return PyModule_Create(&module);
}
