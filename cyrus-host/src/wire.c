/* The grammar: atoms, "quoted" strings, {4+} literals, %{partition guid 4} files, (lists), %(key
 * value) pairs, with single spaces between them. */
#include "wire.h"

#include <string.h>

#include "cyrus.h"

/* The maximum nesting of lists. No command is nested deeper: a command has a list of records, and
 * each record has a list of annotations. */
#define DEPTH 8

enum token { TOKEN_END, TOKEN_BAD, TOKEN_TEXT, TOKEN_FILE, TOKEN_LIST, TOKEN_PAIRS, TOKEN_CLOSE };

static void skip(struct text *rest, size_t bytes)
{
    rest->data += bytes;
    rest->len -= bytes;
}

static bool begins(struct text text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* Removes the text before a character, and the character itself, from rest. */
static bool take_until(struct text *rest, char end, struct text *out)
{
    const char *found = memchr(rest->data, end, rest->len);

    if (!found) return false;
    out->data = rest->data;
    out->len = (size_t)(found - rest->data);
    skip(rest, out->len + 1);
    return true;
}

/* Removes a line end, and the number of bytes that digits announced, from rest. */
static bool take_bytes(struct text *rest, struct text digits, struct text *out)
{
    uint64_t size;

    if (!begins(*rest, "\r\n")) return false;
    skip(rest, 2);
    if (!text_number(digits, rest->len, &size)) return false;
    out->data = rest->data;
    out->len = (size_t)size;
    skip(rest, out->len);
    return true;
}

static bool in_atom(char c)
{
    return c > ' ' && c < 0x7f && !strchr("(){}\"%", c);
}

static bool take_atom(struct text *rest, struct text *out)
{
    out->data = rest->data;
    out->len = 0;
    while (out->len < rest->len && in_atom(rest->data[out->len])) out->len++;
    skip(rest, out->len);
    /* NIL means a missing value, and no command has one. So NIL is an error. */
    return out->len && !text_is(*out, "NIL");
}

static bool take_quoted(struct text *rest, struct text *out)
{
    size_t i;

    skip(rest, 1);
    if (!take_until(rest, '"', out)) return false;
    for (i = 0; i < out->len; i++) {
        const unsigned char c = (unsigned char)out->data[i];
        if (c == '\\' || c >= 0x7f || (c < ' ' && c != '\t')) return false;
    }
    return true;
}

static bool take_literal(struct text *rest, struct text *out)
{
    struct text digits;

    skip(rest, 1);
    if (!take_until(rest, '}', &digits)) return false;
    if (digits.len && digits.data[digits.len - 1] == '+') digits.len--;
    return take_bytes(rest, digits, out);
}

static bool take_file(struct text *rest, struct item *out)
{
    struct text digits;

    skip(rest, 2);
    return take_until(rest, ' ', &out->partition) && take_until(rest, ' ', &out->guid)
           && take_until(rest, '}', &digits) && take_bytes(rest, digits, &out->text);
}

static enum token take_token(struct text *rest, struct item *out)
{
    bool taken;
    enum token token = TOKEN_TEXT;

    if (begins(*rest, " ")) skip(rest, 1);
    if (!rest->len) return TOKEN_END;
    if (begins(*rest, ")")) {
        skip(rest, 1);
        return TOKEN_CLOSE;
    }
    if (begins(*rest, "(") || begins(*rest, "%(")) {
        token = *rest->data == '%' ? TOKEN_PAIRS : TOKEN_LIST;
        skip(rest, token == TOKEN_PAIRS ? 2 : 1);
        return token;
    }
    if (begins(*rest, "%{")) {
        token = TOKEN_FILE;
        taken = take_file(rest, out);
    } else if (begins(*rest, "\"")) {
        taken = take_quoted(rest, &out->text);
    } else if (begins(*rest, "{")) {
        taken = take_literal(rest, &out->text);
    } else {
        taken = take_atom(rest, &out->text);
    }
    if (taken && rest->len && *rest->data != ' ' && *rest->data != ')') taken = false;
    return taken ? token : TOKEN_BAD;
}

/* Removes the content of a list from rest, and its closing parenthesis. The opening one was removed
 * before. */
static bool take_inside(struct text *rest, struct text *out)
{
    struct item within;
    int depth = 1;

    out->data = rest->data;
    while (depth > 0) {
        switch (take_token(rest, &within)) {
        case TOKEN_END:
        case TOKEN_BAD:
            return false;
        case TOKEN_LIST:
        case TOKEN_PAIRS:
            if (++depth > DEPTH) return false;
            break;
        case TOKEN_CLOSE:
            depth--;
            break;
        case TOKEN_TEXT:
        case TOKEN_FILE:
            break;
        }
    }
    out->len = (size_t)(rest->data - out->data) - 1;
    return !rest->len || *rest->data == ' ' || *rest->data == ')';
}

enum wire_kind wire_next(struct text *rest, struct item *item)
{
    memset(item, 0, sizeof(*item));
    switch (take_token(rest, item)) {
    case TOKEN_END:
        item->kind = WIRE_END;
        break;
    case TOKEN_TEXT:
        item->kind = WIRE_TEXT;
        break;
    case TOKEN_FILE:
        item->kind = WIRE_FILE;
        break;
    case TOKEN_LIST:
        item->kind = take_inside(rest, &item->text) ? WIRE_LIST : WIRE_BAD;
        break;
    case TOKEN_PAIRS:
        item->kind = take_inside(rest, &item->text) ? WIRE_PAIRS : WIRE_BAD;
        break;
    case TOKEN_BAD:
    case TOKEN_CLOSE:
        item->kind = WIRE_BAD;
        break;
    }
    return item->kind;
}

bool text_is(struct text text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

char *text_name(struct text text)
{
    size_t i;

    if (text.len > TEXT_NAME_BYTES) return NULL;
    for (i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ') return NULL;
    return xstrndup(text.len ? text.data : "", text.len);
}

bool text_number(struct text text, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        const unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9 || number > (max - digit) / 10 || digit > max) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return text.len > 0;
}

bool text_hex(struct text text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;
        if (!digit) return false;
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *out = number;
    return text.len == 16;
}

bool fields_read(struct text pairs, struct fields *out)
{
    struct item key;

    out->count = 0;
    out->bad = NULL;
    while (wire_next(&pairs, &key) != WIRE_END) {
        struct item *value;
        if (key.kind != WIRE_TEXT || out->count == FIELDS_MAX) return false;
        out->at[out->count].key = key.text;
        value = &out->at[out->count].value;
        if (wire_next(&pairs, value) == WIRE_END || value->kind == WIRE_BAD) return false;
        out->count++;
    }
    return true;
}

static const struct item *find(const struct fields *fields, const char *key)
{
    size_t i;

    for (i = 0; i < fields->count; i++)
        if (text_is(fields->at[i].key, key)) return &fields->at[i].value;
    return NULL;
}

bool field_there(const struct fields *fields, const char *key)
{
    return find(fields, key) != NULL;
}

static struct text get(struct fields *fields, const char *key, enum wire_kind kind, bool needed)
{
    const struct text nothing = { "", 0 };
    const struct item *found = find(fields, key);

    if (found ? found->kind == kind : !needed) return found ? found->text : nothing;
    if (!fields->bad) fields->bad = key;
    return nothing;
}

struct text field_text(struct fields *fields, const char *key)
{
    return get(fields, key, WIRE_TEXT, true);
}

struct text field_list(struct fields *fields, const char *key)
{
    return get(fields, key, WIRE_LIST, true);
}

struct text field_text_if(struct fields *fields, const char *key)
{
    return get(fields, key, WIRE_TEXT, false);
}

struct text field_list_if(struct fields *fields, const char *key)
{
    return get(fields, key, WIRE_LIST, false);
}

uint64_t field_number(struct fields *fields, const char *key, uint64_t max)
{
    uint64_t number = 0;
    struct text text = field_text(fields, key);

    if (!text_number(text, max, &number) && !fields->bad) fields->bad = key;
    return number;
}

uint64_t field_number_if(struct fields *fields, const char *key, uint64_t max)
{
    return field_there(fields, key) ? field_number(fields, key, max) : 0;
}
