/* Turns the record headers of a capture into the places of what may be ARP: the fast twin of the
 * strides in pcap.py and pcapng.py, which stand in where this was not built.
 *
 * Law: the bytes are hostile. So every
 * field that decides a place is read once and then judged, a record is left to the caller unless it
 * lies within the buffer as a whole, and nothing is given but numbers and copies of what lies in
 * there. What a packet says is decided elsewhere. Negative places become huge ones and are refused.
 *
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. EtherTypes: IEEE 802.1Q, 802.1ad,
 * RFC 826, RFC 903.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* A call a record would cost a third of the walk. */
#define INLINED static inline __attribute__((always_inline))

enum {
    RECORD_HEADER = 16,    /* of a classic pcap */
    PACKET_HEADER = 28,    /* of an enhanced packet block, up to its data */
    LEAST_PACKET = 32,     /* such a block without data */
    PACKET_BLOCK = 6,
    MOST_PACKET = 262144,
    MOST_HITS = 16384,     /* a call; the caller comes again */
    MOST_INNER = 64,
    LANES = 16,
    LEAST_LANE = 131072,   /* bytes that are worth a guess */
    SEARCHED = 16384,      /* bytes in which a record should begin */
    RUN_UP = 1024,         /* records that are passed before lanes are worth their guesses */
    LANE_HITS = (MOST_HITS - RUN_UP) / LANES,
    CHAIN = 4,             /* so many records in a row are no accident */
    SMALL = 65536,         /* bytes that are walked sooner than other threads are let in */
    ALIKE = 1 << 23,       /* seconds between the times of one capture: three months */
    SLOTS = 1024,          /* unwanted packets that a call remembers; a power of two */
};

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;       /* of the next record */
    size_t last;           /* of the last one passed */
    unsigned long long packets;
    int swap;              /* the headers are big-endian */
    size_t ethertype;      /* where it stands in a packet */
    size_t inner;          /* where it stands behind one tag */
} Walk;

typedef struct {
    unsigned long long number;
    size_t position;       /* of its record */
    size_t length;         /* of its packet */
    int tagged;
} Hit;

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

INLINED uint32_t word(const Walk *walk, size_t at)
{
    const uint8_t *b = walk->data + at;
    if (walk->swap)
        return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

INLINED unsigned network16(const Walk *walk, size_t at)
{
    return (unsigned)walk->data[at] << 8 | walk->data[at + 1];
}

INLINED int is_tag(unsigned ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

INLINED int is_mark(unsigned ethertype)
{
    return ethertype == 0x0806 || ethertype == 0x8035 || is_tag(ethertype);
}

/* Whether the packet that begins at `start` may hold ARP. */
INLINED int may_be_arp(const Walk *walk, size_t start)
{
    unsigned ethertype = network16(walk, start + walk->ethertype);
    if (!is_mark(ethertype))
        return 0;
    return !is_tag(ethertype) || is_mark(network16(walk, start + walk->inner));
}

/* The length of the whole record at a place, and of its packet; 0 where it is not for this walk. A
 * glance, the header with all that may_be_arp reads, has been checked to lie in the buffer. */
typedef size_t Record(const Walk *, size_t at, size_t *packet);

INLINED size_t pcap_record(const Walk *walk, size_t at, size_t *packet)
{
    size_t length = *packet = word(walk, at + 8);
    if (length > MOST_PACKET || length + RECORD_HEADER > walk->size - at)
        return 0;
    return length + RECORD_HEADER;
}

INLINED size_t pcapng_record(const Walk *walk, size_t at, size_t *packet)
{
    size_t total = word(walk, at + 4);
    size_t length = *packet = word(walk, at + 20);
    if (word(walk, at) != PACKET_BLOCK || total > walk->size - at)
        return 0;
    if (total & 3 || total < LEAST_PACKET || length > total - LEAST_PACKET)
        return 0;
    return total;
}

/* The same, and 0 also where it looks like no record of this capture. */
INLINED size_t pcap_guess(const Walk *walk, size_t at, size_t *packet)
{
    uint32_t apart = word(walk, at) - word(walk, walk->position);
    if (apart + ALIKE > 2u * ALIKE || word(walk, at + 8) > word(walk, at + 12))
        return 0;
    return pcap_record(walk, at, packet);
}

/* What differs between the formats. */
typedef struct {
    size_t header, step;   /* records begin at multiples of the step */
    Record *record, *guess;
} Shape;

/* Pass one record and note whether it may be ARP; 0 where the walk cannot go on. */
INLINED int pass(Walk *walk, Shape shape, size_t limit, Hit *hits, size_t *found)
{
    size_t at = walk->position, start = at + shape.header, packet;
    size_t length = at <= limit ? shape.record(walk, at, &packet) : 0;
    if (!length)
        return 0;
    walk->packets++;
    if (may_be_arp(walk, start)) {
        int tagged = is_tag(network16(walk, start + walk->ethertype));
        hits[(*found)++] = (Hit){walk->packets, at, packet, tagged};
    }
    walk->last = at;
    walk->position = at + length;
    return 1;
}

/* Where in a part of the buffer a record seems to begin, 0 = nowhere. */
INLINED size_t guessed(const Walk *walk, Shape shape, size_t limit, size_t from)
{
    from += (walk->position - from) & (shape.step - 1);
    for (size_t at = from; at < from + SEARCHED && at <= limit; at += shape.step) {
        size_t next = at, length, packet, seen = 0;
        while (seen < CHAIN && next <= limit && (length = shape.guess(walk, next, &packet))) {
            next += length;
            seen++;
        }
        if (seen == CHAIN)
            return at;
    }
    return 0;
}

typedef struct {
    Walk walk;
    size_t end;            /* where the next lane begins */
    size_t found;
    Hit *hits;
} Lane;

/* Lanes over the rest of the buffer, the first one from where the walk stands, the others guessed. */
INLINED size_t laid_out(const Walk *walk, Shape shape, size_t limit, Hit *hits, Lane *lanes)
{
    size_t count = 0, share = (limit - walk->position) / LANES;
    for (size_t i = 0; i < LANES; i++) {
        size_t at = walk->position + i * share;
        if (i && (!(at = guessed(walk, shape, limit, at)) || at <= lanes[count - 1].walk.position))
            continue;
        if (i)
            lanes[count - 1].end = at;
        lanes[count] = (Lane){*walk, limit + 1, 0, hits + count * LANE_HITS};
        lanes[count].walk.position = at;
        lanes[count++].walk.packets = 0;
    }
    return count;
}

/* Walk several parts at a time, so that the processor waits for the memory of all at once. A guess is
 * never believed: a part counts only where the part before it ended exactly at its beginning. */
INLINED size_t abreast(Walk *walk, Shape shape, size_t limit, Hit *hits)
{
    Lane lanes[LANES];
    size_t count = laid_out(walk, shape, limit, hits, lanes), found = 0;
    for (int live = 1, full = 0; live && !full;) {
        live = 0;
        for (Lane *lane = lanes; lane < lanes + count; lane++) {
            if (lane->walk.position >= lane->end
                || !pass(&lane->walk, shape, limit, lane->hits, &lane->found))
                continue;
            __builtin_prefetch(walk->data + lane->walk.position);
            __builtin_prefetch(walk->data + lane->walk.position + shape.header + walk->inner);
            full |= lane->found == LANE_HITS;
            live = 1;
        }
    }
    for (const Lane *lane = lanes; lane < lanes + count; lane++) {
        for (size_t i = 0; i < lane->found; i++, found++) {
            hits[found] = lane->hits[i];
            hits[found].number += walk->packets;
        }
        if (lane->walk.packets)
            walk->last = lane->walk.last;
        walk->packets += lane->walk.packets;
        walk->position = lane->walk.position;
        if (walk->position != lane->end)
            break;
    }
    return found;
}

INLINED size_t stride(Walk *walk, Shape shape, Hit *hits)
{
    size_t found = 0, glance = shape.header + walk->inner + 2;
    if (glance > walk->size)
        return 0;
    size_t limit = walk->size - glance;
    for (unsigned i = 0; i < RUN_UP; i++)
        if (!pass(walk, shape, limit, hits, &found))
            return found;
    /* A lane has room for few hits: where there are many it would be walked in vain. */
    if (found < RUN_UP / LANES && walk->position < limit && limit - walk->position >= LANES * LEAST_LANE)
        found += abreast(walk, shape, limit, hits + found);
    while (found < MOST_HITS && pass(walk, shape, limit, hits, &found))
        ;
    return found;
}

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

static size_t run_pcap(Walk *walk, Hit *hits)
{
    return stride(walk, (Shape){RECORD_HEADER, 1, pcap_record, pcap_guess}, hits);
}

static size_t run_pcapng(Walk *walk, Hit *hits)
{
    return stride(walk, (Shape){PACKET_HEADER, 4, pcapng_record, pcapng_record}, hits);
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
    if (!PyArg_ParseTuple(arguments, "y*nKp(nn)(nn)O!K", &view, &walk.position, &walk.packets,
                          &walk.swap, &walk.ethertype, &walk.inner, &how.plain, &how.tagged,
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
