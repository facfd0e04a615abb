/* Parses a command of the replication protocol, which consists of Cyrus's dlists. Results point
 * into the command, so nothing is copied. The parser does not recurse, and it ends for any
 * input. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to another object. */
struct text {
    const char *data;
    size_t len;
};

enum wire_kind { WIRE_END, WIRE_BAD, WIRE_TEXT, WIRE_LIST, WIRE_PAIRS, WIRE_FILE };

struct item {
    enum wire_kind kind;
    /* Of a list: the bytes between its parentheses. Of a file: its content. */
    struct text text;
    /* These two are set only for a file. */
    struct text partition;
    struct text guid;
};

/* Removes the first item of a list from rest. Returns WIRE_END if the list is empty. */
enum wire_kind wire_next(struct text *rest, struct item *item);

bool text_is(struct text text, const char *other);
/* The maximum length of a name, in bytes. All names of Cyrus are shorter. */
#define TEXT_NAME_BYTES 1024
/* Returns the text as a C string, which the caller frees. Returns NULL if the text is too long or
 * contains control characters, which names never contain. */
char *text_name(struct text text);
/* Parses a decimal number. Returns false if the text is not a number, or is larger than max. */
bool text_number(struct text text, uint64_t max, uint64_t *out);
bool text_hex(struct text text, uint64_t *out);

#define FIELDS_MAX 40

/* The keys and values of a list of pairs. */
struct fields {
    size_t count;
    struct {
        struct text key;
        struct item value;
    } at[FIELDS_MAX];
    /* The first key that was missing or whose value had the wrong kind; NULL if there is no such
     * key. */
    const char *bad;
};

/* Parses a list of pairs. Returns false if the list is malformed. */
bool fields_read(struct text pairs, struct fields *out);
bool field_there(const struct fields *fields, const char *key);
/* These three return the value of a key. If the key is missing, they set bad. */
struct text field_text(struct fields *fields, const char *key);
struct text field_list(struct fields *fields, const char *key);
uint64_t field_number(struct fields *fields, const char *key, uint64_t max);
/* These three return 0 or an empty text if the key is missing, and do not set bad. */
struct text field_text_if(struct fields *fields, const char *key);
struct text field_list_if(struct fields *fields, const char *key);
uint64_t field_number_if(struct fields *fields, const char *key, uint64_t max);

#endif
