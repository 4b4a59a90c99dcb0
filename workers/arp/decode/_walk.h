/* Walks the record headers of a capture and notes where what may be ARP begins: plain C, no Python.
 *
 * Law: the bytes are hostile. So every field that decides a place is read once and then judged, and a
 * record is left to the caller unless it lies within the buffer as a whole. Negative places become huge
 * ones and are refused.
 *
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. EtherTypes: IEEE 802.1Q, 802.1ad,
 * RFC 826, RFC 903.
 */
#include <pthread.h>
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
    MOST_HITS = 8192,      /* a call; the caller comes again */
    LANES = 16,
    LEAST_LANE = 131072,   /* bytes that are worth a guess */
    SEARCHED = 16384,      /* bytes in which a record should begin */
    RUN_UP = 1024,         /* records that are passed before lanes are worth their guesses */
    LANE_HITS = (MOST_HITS - RUN_UP) / LANES,
    CHAIN = 4,             /* so many records in a row are no accident */
    ALIKE = 1 << 23,       /* seconds between the times of one capture: three months */
};

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;       /* of the next record */
    size_t last;           /* of the last one passed */
    unsigned long long packets;
    int swap;              /* the headers are big-endian */
    unsigned interfaces;   /* of a pcapng section: so many are described */
    size_t ethertype;      /* where it stands in a packet */
    size_t inner;          /* where it stands behind one tag */
} Walk;

typedef struct {
    unsigned long long number;
    size_t position;       /* of its record */
    size_t length;         /* of its packet */
    int tagged;
} Hit;

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
    if (word(walk, at) != PACKET_BLOCK || total > walk->size - at || word(walk, at + 8) >= walk->interfaces)
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
    void *(*crew)(void *);
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

typedef struct {
    Lane *first, *end;
    size_t limit;
} Crew;

/* Walk several lanes by turns, so that the processor waits for the memory of all at once. */
INLINED void by_turns(const Crew *crew, Shape shape)
{
    for (int live = 1, full = 0; live && !full;) {
        live = 0;
        for (Lane *lane = crew->first; lane < crew->end; lane++) {
            Walk *walk = &lane->walk;
            if (walk->position >= lane->end || !pass(walk, shape, crew->limit, lane->hits, &lane->found))
                continue;
            __builtin_prefetch(walk->data + walk->position);
            __builtin_prefetch(walk->data + walk->position + shape.header + walk->inner);
            full |= lane->found == LANE_HITS;
            live = 1;
        }
    }
}

/* Half of the lanes are walked by a thread of their own: the kernel's part, to map the pages of a file,
 * is more than half of the time. A guess is never believed: a lane counts only where the one before it
 * ended exactly at its beginning. */
INLINED size_t abreast(Walk *walk, Shape shape, size_t limit, Hit *hits)
{
    Lane lanes[LANES];
    size_t count = laid_out(walk, shape, limit, hits, lanes), found = 0;
    Crew near = {lanes, lanes + (count + 1) / 2, limit}, far = {near.end, lanes + count, limit};
    pthread_t thread;
    int alone = pthread_create(&thread, NULL, shape.crew, &far);
    by_turns(&near, shape);
    if (alone)
        by_turns(&far, shape);
    else
        pthread_join(thread, NULL);
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
    if (found < RUN_UP / 32 && walk->position < limit && limit - walk->position >= LANES * LEAST_LANE)
        found += abreast(walk, shape, limit, hits + found);
    while (found < MOST_HITS && pass(walk, shape, limit, hits, &found))
        ;
    return found;
}

static void *crew_pcap(void *crew);
static void *crew_pcapng(void *crew);

static const Shape PCAP = {RECORD_HEADER, 1, pcap_record, pcap_guess, crew_pcap};
static const Shape PCAPNG = {PACKET_HEADER, 4, pcapng_record, pcapng_record, crew_pcapng};

static void *crew_pcap(void *crew)
{
    by_turns(crew, PCAP);
    return NULL;
}

static void *crew_pcapng(void *crew)
{
    by_turns(crew, PCAPNG);
    return NULL;
}

static size_t run_pcap(Walk *walk, Hit *hits)
{
    return stride(walk, PCAP, hits);
}

static size_t run_pcapng(Walk *walk, Hit *hits)
{
    return stride(walk, PCAPNG, hits);
}
