/* Reads a command of the replication protocol: Cyrus's dlists, over the bytes of the command
 * themselves. Nothing is copied and nothing recurses; whatever the bytes are, it ends. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes, borrowed. */
struct text {
    const char *data;
    size_t len;
};

enum wire_kind { WIRE_END, WIRE_BAD, WIRE_TEXT, WIRE_LIST, WIRE_PAIRS, WIRE_FILE };

struct item {
    enum wire_kind kind;
    /* Of a list what is between its parentheses, of a file its content. */
    struct text text;
    /* Of a file. */
    struct text partition;
    struct text guid;
};

/* Takes the first item off what a list holds. WIRE_END if there is none left. */
enum wire_kind wire_next(struct text *rest, struct item *item);

bool text_is(struct text text, const char *other);
/* Longer than any name. */
#define TEXT_NAME_BYTES 1024
/* As a string, to be freed; NULL if it is too long or there are control characters in it, as names
 * have none. */
char *text_name(struct text text);
/* False if these are not the digits of a number up to max. */
bool text_number(struct text text, uint64_t max, uint64_t *out);
bool text_hex(struct text text, uint64_t *out);

#define FIELDS_MAX 40

/* The values of a list of pairs. */
struct fields {
    size_t count;
    struct {
        struct text key;
        struct item value;
    } at[FIELDS_MAX];
    /* The first key that was missing or had a value of another kind; NULL if all went well. */
    const char *bad;
};

/* False if it is malformed. */
bool fields_read(struct text pairs, struct fields *out);
bool field_there(const struct fields *fields, const char *key);
/* These note a key that is missing. */
struct text field_text(struct fields *fields, const char *key);
struct text field_list(struct fields *fields, const char *key);
uint64_t field_number(struct fields *fields, const char *key, uint64_t max);
/* These do not: then it is 0, or empty. */
struct text field_text_if(struct fields *fields, const char *key);
struct text field_list_if(struct fields *fields, const char *key);
uint64_t field_number_if(struct fields *fields, const char *key, uint64_t max);

#endif
