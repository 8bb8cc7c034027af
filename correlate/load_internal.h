/* The insides of a piece, shared by load.c, which fills it, and assemble.c, which takes it apart. */
#ifndef TWOPOINT_LOAD_INTERNAL_H
#define TWOPOINT_LOAD_INTERNAL_H

#include "correlate/load.h"

#define SLAB_SEGMENTS 65536

struct flow_slot {
    struct flow flow;
    uint64_t hash;
};

struct seen_interface { /* by its number in the file */
    char name[64];
    bool wanted;
    bool declared;                          /* name and wanted are settled */
    bool counted;                           /* a reading tells its drops ... */
    int64_t last_ns;                        /* of its last frame with a stamp, INT64_MIN: none yet */
    uint32_t source;                        /* 1 + number in the piece's sources, 0: none */
    uint32_t id;                            /* the same for the same interface in all files of the point */
    int64_t counted_from_ns, counted_to_ns; /* ... over this time */
};

/* How the stamps of a file run; see load_time.c. */
struct stamps {
    bool any;
    int64_t first_ns, last_ns; /* what the file covers */
    int64_t highest_ns;        /* the latest stamp */
    int64_t ahead_ns;          /* what is added to the file's stamps by now */
    int64_t resequenced_ns;
    uint32_t behind; /* frames in a row whose stamps lie behind the highest */
    int64_t behind_ns, behind_first_ns, first_before_ns;
    uint32_t behind_record, behind_frame; /* the next record's number, and the frame, when that began */
    bool jumped;                          /* a while ago the stamps leapt ahead: */
    uint32_t since_jump;                  /* frames */
    int64_t before_jump_ns, last_before_jump_ns;
    int64_t set_by_ns; /* by how much the clock was last set back, while that may yet turn out to be disorder; 0 */
    int64_t set_at_ns; /* when, by stamps that go on */
    int64_t returned_by_ns;
    uint32_t set_record, since_set; /* frames since */
    uint32_t n_set;                 /* how often it was set back so far */
};
enum stamps_run {
    STAMPS_GO_ON,
    STAMPS_SET_BACK, /* from behind_frame on, by set_by_ns; records from behind_record on have yet to be moved by it */
    STAMPS_RETURNED  /* what was last taken for a clock set back was disorder: take returned_by_ns off the records from
                        set_record on again */
};
/* One more frame, whose segment would be number `record`. Its stamp, as in the file, is moved by ahead_ns. */
enum stamps_run stamps_add(struct stamps *s, int64_t *stamp_ns, uint32_t frame, uint32_t record);
void stamps_end(struct stamps *s);

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
    struct seen_interface *interfaces;
    uint32_t n_interfaces, room_interfaces;
    struct capture_file file;
    bool open_end; /* what came last could not be read */
    int64_t resequenced_ns;
    int64_t quantum_ns;
    bool payload, options_cut;
};

/* stamps_add, and what it asks for done to the piece, whose next record is number `record`. False: out of memory. */
bool stamps_follow(struct stamps *s, struct piece *p, struct capture_item *f, uint32_t record);

/* Number of the piece's flow of that key, made if it is new; UINT32_MAX when out of memory. */
uint32_t piece_flow(struct piece *p, const struct flow_key *key);

/* Room for one more element in a growing array; false when out of memory. */
bool make_room(void *array_pointer, uint32_t n, uint32_t *room, size_t size);

/* Append n elements to an array that only this function has grown; false when out of memory. */
bool store_append(void *array_pointer, uint32_t *have, const void *more, uint32_t n, size_t size);

/* Free all of a piece but what its gaps are found from. */
void piece_strip(struct piece *p);

/* Find the gaps of a point whose files and pieces are in the same order: of drops, links, damage, between files; and
 * which files are counted. `passed_over`: some file of the folder could not be read at all. False: out of memory. */
bool store_find_gaps(struct store *s, struct piece *const *pieces, bool passed_over);

#endif
