/* Options of imapd.conf that each channel may have for itself. */
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
