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

enum {
    RECORD_HEADER = 16,    /* of a classic pcap */
    PACKET_HEADER = 28,    /* of an enhanced packet block, up to its data */
    LEAST_PACKET = 32,     /* such a block without data */
    PACKET_BLOCK = 6,
    MOST_PACKET = 262144,
    MOST_HITS = 65536,     /* a call; the caller comes again */
    MOST_INNER = 64,
};

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;       /* of the next record */
    size_t last;           /* of the last one passed */
    uint64_t packets;
    int swap;              /* the headers are big-endian */
    size_t ethertype;      /* where it stands in a packet */
    size_t inner;          /* where it stands behind one tag */
} Walk;

typedef struct {
    uint64_t number;
    size_t position;       /* of its record */
    size_t length;         /* of its record */
    int tagged;
} Hit;

/* What a hit of a classic pcap is told with. */
typedef struct {
    int link;
    unsigned tick;         /* nanoseconds in a unit of the fraction */
    size_t plain, tagged;  /* how many bytes of a packet matter */
} Telling;

static uint32_t word(const Walk *walk, size_t at)
{
    const uint8_t *b = walk->data + at;
    if (walk->swap)
        return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static unsigned network16(const Walk *walk, size_t at)
{
    return (unsigned)walk->data[at] << 8 | walk->data[at + 1];
}

static int is_tag(unsigned ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

static int is_mark(unsigned ethertype)
{
    return ethertype == 0x0806 || ethertype == 0x8035 || is_tag(ethertype);
}

/* Whether the packet that begins at `start` may hold ARP. */
static int may_be_arp(const Walk *walk, size_t start)
{
    unsigned ethertype = network16(walk, start + walk->ethertype);
    if (!is_mark(ethertype))
        return 0;
    return !is_tag(ethertype) || is_mark(network16(walk, start + walk->inner));
}

/* The length of the whole record at the position, 0 where it is not for this walk. A glance, the
 * header with all that may_be_arp reads, has been checked to lie in the buffer. */
static size_t pcap_record(const Walk *walk)
{
    size_t length = word(walk, walk->position + 8);
    if (length > MOST_PACKET || length + RECORD_HEADER > walk->size - walk->position)
        return 0;
    return length + RECORD_HEADER;
}

static size_t pcapng_record(const Walk *walk)
{
    size_t total = word(walk, walk->position + 4);
    size_t length = word(walk, walk->position + 20);
    if (word(walk, walk->position) != PACKET_BLOCK || total > walk->size - walk->position)
        return 0;
    if (total & 3 || total < LEAST_PACKET || length > total - LEAST_PACKET)
        return 0;
    return total;
}

/* Inlined once for each format: a call a record would cost a third of the walk. */
static inline size_t stride(Walk *walk, size_t header, size_t (*record)(const Walk *), Hit *hits)
{
    size_t found = 0, glance = header + walk->inner + 2;
    if (glance > walk->size)
        return 0;
    size_t limit = walk->size - glance;
    while (walk->position <= limit && found < MOST_HITS) {
        size_t length = record(walk);
        if (!length)
            break;
        walk->packets++;
        if (may_be_arp(walk, walk->position + header)) {
            hits[found].number = walk->packets;
            hits[found].position = walk->position;
            hits[found].length = length;
            hits[found].tagged = is_tag(network16(walk, walk->position + header + walk->ethertype));
            found++;
        }
        walk->last = walk->position;
        walk->position += length;
    }
    return found;
}

/* (number, time, link type, the bytes that matter, None) */
static PyObject *packet_told(const Walk *walk, const Hit *hit, const Telling *how)
{
    uint64_t at = (uint64_t)word(walk, hit->position) * 1000000000u
                  + (uint64_t)word(walk, hit->position + 4) * how->tick;
    size_t most = hit->tagged ? how->tagged : how->plain;
    size_t length = hit->length - RECORD_HEADER;
    const char *data = (const char *)walk->data + hit->position + RECORD_HEADER;
    return Py_BuildValue("(KKiy#O)", (unsigned long long)hit->number, (unsigned long long)at,
                         how->link, data, (Py_ssize_t)(length < most ? length : most), Py_None);
}

/* (number, position) */
static PyObject *block_told(const Walk *walk, const Hit *hit, const Telling *how)
{
    (void)walk;
    (void)how;
    return Py_BuildValue("(Kn)", (unsigned long long)hit->number, (Py_ssize_t)hit->position);
}

typedef struct {
    size_t (*run)(Walk *, Hit *);
    PyObject *(*told)(const Walk *, const Hit *, const Telling *);
} Format;

static PyObject *listed(const Format *format, const Walk *walk, const Hit *hits, size_t found,
                        const Telling *how)
{
    PyObject *list = PyList_New((Py_ssize_t)found);
    if (!list)
        return NULL;
    for (size_t i = 0; i < found; i++) {
        PyObject *hit = format->told(walk, &hits[i], how);
        if (!hit) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, hit);
    }
    return Py_BuildValue("(nnKN)", (Py_ssize_t)walk->position, (Py_ssize_t)walk->last,
                         (unsigned long long)walk->packets, list);
}

static PyObject *scan(const Format *format, Walk *walk, const Telling *how)
{
    if (walk->position > walk->size || walk->ethertype > MOST_INNER || walk->inner > MOST_INNER) {
        PyErr_SetString(PyExc_ValueError, "a place lies out of range");
        return NULL;
    }
    Hit *hits = PyMem_Malloc(MOST_HITS * sizeof *hits);
    if (!hits)
        return PyErr_NoMemory();
    size_t found;
    Py_BEGIN_ALLOW_THREADS
    found = format->run(walk, hits);
    Py_END_ALLOW_THREADS
    PyObject *answer = listed(format, walk, hits, found, how);
    PyMem_Free(hits);
    return answer;
}

static size_t run_pcap(Walk *walk, Hit *hits)
{
    return stride(walk, RECORD_HEADER, pcap_record, hits);
}

static size_t run_pcapng(Walk *walk, Hit *hits)
{
    return stride(walk, PACKET_HEADER, pcapng_record, hits);
}

static PyObject *pcap(PyObject *self, PyObject *arguments)
{
    static const Format format = {run_pcap, packet_told};
    Py_buffer view;
    Py_ssize_t position, ethertype, inner, plain, tagged;
    unsigned long long packets;
    unsigned int tick;
    int big_endian, link;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nKp(nn)iI(nn)", &view, &position, &packets, &big_endian,
                          &ethertype, &inner, &link, &tick, &plain, &tagged))
        return NULL;
    Walk walk = {view.buf, (size_t)view.len, (size_t)position, (size_t)position, packets, big_endian,
                 (size_t)ethertype, (size_t)inner};
    Telling how = {link, tick, (size_t)plain, (size_t)tagged};
    PyObject *answer = scan(&format, &walk, &how);
    PyBuffer_Release(&view);
    return answer;
}

static PyObject *pcapng(PyObject *self, PyObject *arguments)
{
    static const Format format = {run_pcapng, block_told};
    Py_buffer view;
    Py_ssize_t position, ethertype, inner;
    unsigned long long packets;
    int big_endian;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nKp(nn)", &view, &position, &packets, &big_endian,
                          &ethertype, &inner))
        return NULL;
    Walk walk = {view.buf, (size_t)view.len, (size_t)position, (size_t)position, packets, big_endian,
                 (size_t)ethertype, (size_t)inner};
    PyObject *answer = scan(&format, &walk, NULL);
    PyBuffer_Release(&view);
    return answer;
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
