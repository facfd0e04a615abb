/* Reads a record of a command. */
#include <string.h>

#include "apply.h"

static const struct {
    const char *name;
    uint32_t bit;
} system_flags[] = {
    { "\\Answered", FLAG_ANSWERED }, { "\\Flagged", FLAG_FLAGGED }, { "\\Deleted", FLAG_DELETED },
    { "\\Draft", FLAG_DRAFT },       { "\\Seen", FLAG_SEEN },
};

/* Adds a flag that has a bit of its own to the record. Returns false if it is another flag. */
static bool take_system_flag(struct text flag, struct index_record *record)
{
    size_t i;

    if (text_is(flag, "\\Expunged")) {
        record->internal_flags |= FLAG_INTERNAL_EXPUNGED;
        return true;
    }
    for (i = 0; i < sizeof(system_flags) / sizeof(system_flags[0]); i++) {
        if (!text_is(flag, system_flags[i].name)) continue;
        record->system_flags |= system_flags[i].bit;
        return true;
    }
    return false;
}

static bool read_flags(struct given *given)
{
    struct text rest = given->flags;
    struct item flag;

    while (wire_next(&rest, &flag) != WIRE_END) {
        if (flag.kind != WIRE_TEXT || !flag.text.len) return false;
        if (*flag.text.data == '\\' && !take_system_flag(flag.text, &given->record)) return false;
    }
    return true;
}

/* Reads the fields of the record that are sent as annotations. basethrid is stored as an annotation
 * too. */
static bool read_virtual(struct text annotations, struct index_record *record)
{
    uint64_t thrid = 0, basethrid = 0, savedate = 0, createdmodseq = 0;
    struct text value;
    bool good = true;

    if (annotations_find(annotations, IMAP_ANNOT_NS "thrid", &value))
        good = text_hex(value, &thrid);
    if (good && annotations_find(annotations, IMAP_ANNOT_NS "basethrid", &value))
        good = text_hex(value, &basethrid);
    if (good && annotations_find(annotations, IMAP_ANNOT_NS "savedate", &value))
        good = text_number(value, DATE_MAX, &savedate);
    if (good && annotations_find(annotations, IMAP_ANNOT_NS "createdmodseq", &value))
        good = text_number(value, UINT64_MAX, &createdmodseq);
    record->cid = thrid;
    record->basecid = basethrid;
    record->savedate = (time_t)savedate;
    record->createdmodseq = createdmodseq;
    return good;
}

bool record_read(const struct item *item, struct given *out)
{
    struct index_record *record = &out->record;
    struct fields fields;
    char *guid;

    memset(out, 0, sizeof(*out));
    if (item->kind != WIRE_PAIRS || !fields_read(item->text, &fields)) return false;
    record->uid = (uint32_t)field_number(&fields, "UID", UINT32_MAX);
    record->modseq = field_number(&fields, "MODSEQ", UINT64_MAX);
    record->last_updated = (time_t)field_number(&fields, "LAST_UPDATED", DATE_MAX);
    record->internaldate = (time_t)field_number(&fields, "INTERNALDATE", DATE_MAX);
    record->size = (uint32_t)field_number(&fields, "SIZE", UINT32_MAX);
    out->flags = field_list(&fields, "FLAGS");
    out->annotations = field_list_if(&fields, "ANNOTATIONS");
    guid = text_name(field_text(&fields, "GUID"));
    if (!guid || strlen(guid) != 2 * MESSAGE_GUID_SIZE
        || !message_guid_decode(&record->guid, guid) || message_guid_isnull(&record->guid))
        fields.bad = "GUID";
    free(guid);
    return !fields.bad && record->uid && record->size && read_flags(out)
           && annotations_good(out->annotations) && read_virtual(out->annotations, record);
}
