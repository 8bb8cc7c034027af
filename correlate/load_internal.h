/* The insides of a piece, shared by load.c, which fills it, and assemble.c, which takes it apart. */
#ifndef TWOPOINT_LOAD_INTERNAL_H
#define TWOPOINT_LOAD_INTERNAL_H

#include "correlate/load.h"

#define SLAB_SEGMENTS 65536

struct flow_slot {
    struct flow flow;
    uint64_t hash;
};

struct piece {
    struct segment **slabs;
    uint32_t n_slabs;
    uint32_t used; /* places taken in the last slab */
    struct extra *extras;
    uint32_t n_extras, room_extras;
    struct flow_slot *flows;
    uint32_t n_flows, room_flows;
    uint32_t *table; /* flow number + 1 by hash, open addressing; 2 ^ table_bits slots, 0: free */
    unsigned table_bits;
    uint64_t seed; /* of the table's hash */
    struct icmp_error *icmp;
    uint32_t n_icmp, room_icmp;
    struct undecoded *undecoded;
    uint32_t n_undecoded, room_undecoded;
    struct gap *gaps;
    uint32_t n_gaps, room_gaps;
    struct counter_reading *readings;
    uint32_t n_readings, room_readings;
    struct source *sources;
    uint32_t n_sources, room_sources;
    uint32_t *breaks; /* record numbers within the piece from which on the clock had been set back */
    uint32_t n_breaks, room_breaks;
    struct capture_file file;
    int64_t resequenced_ns;
    int64_t quantum_ns;
    bool payload;
};

/* Number of the piece's flow of that key, made if it is new; UINT32_MAX when out of memory. */
uint32_t piece_flow(struct piece *p, const struct flow_key *key);

/* Room for one more element in a growing array; false when out of memory. */
bool make_room(void *array_pointer, uint32_t n, uint32_t *room, size_t size);

#endif
