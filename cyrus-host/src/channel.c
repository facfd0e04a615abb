/* Reads options of imapd.conf that each channel can set for itself, and writes to the logs of
 * channels. */
#include <string.h>

#include "master.h"

static const char *of_channel(const char *channel, enum imapopt option)
{
    struct buf name = BUF_INITIALIZER;
    const char *value;

    if (!channel) return NULL;
    buf_printf(&name, "%s_%s", channel, imapopts[option].optname);
    value = config_getoverflowstring(buf_cstring(&name), NULL);
    buf_free(&name);
    return value;
}

const char *channel_string(const char *channel, enum imapopt option)
{
    const char *value = of_channel(channel, option);
    return value ? value : config_getstring(option);
}

int channel_seconds(const char *channel, enum imapopt option)
{
    const char *value = of_channel(channel, option);
    int seconds;

    if (value && config_parseduration(value, 's', &seconds) == 0) return seconds;
    return config_getduration(option, 's');
}

void master_log_change(const char *mboxname, const char *channel)
{
    /* Two double quotes stand for the channel without a name. */
    const char *configured = config_getstring(IMAPOPT_SYNC_LOG_CHANNELS);
    strarray_t *channels;
    int i;

    if (!config_getswitch(IMAPOPT_SYNC_LOG)) return;
    channels = strarray_split(configured ? configured : "\"\"", " ", STRARRAY_TRIM);
    for (i = 0; i < strarray_size(channels); i++) {
        const char *name = strarray_nth(channels, i);
        if (strcmp(name, "\"\"") == 0) name = NULL;
        if (strcmpsafe(name, channel) != 0) sync_log_channel(name, "MAILBOX %s\n", mboxname);
    }
    strarray_free(channels);
}

void master_log_again(const char *lines, const char *channel)
{
    struct buf format = BUF_INITIALIZER;

    /* Each line is a format for sync_log_channel(), which would quote an argument again. It cannot
     * format all lines at once, because its memory is limited. */
    for (; *lines; lines++) {
        if (*lines == '%') buf_putc(&format, '%');
        buf_putc(&format, *lines);
        if (*lines != '\n') continue;
        sync_log_channel(channel, buf_cstring(&format));
        buf_reset(&format);
    }
    buf_free(&format);
}
