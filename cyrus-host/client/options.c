#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cyrsync.h>

#define DEFAULT_TIMEOUT 600

static bool choose(struct options *options, enum mode mode)
{
    /* -r and -R may be used together: both select rolling mode, and -r in the background. */
    if (options->mode != MODE_NONE && options->mode != mode) return false;
    options->mode = mode;
    return true;
}

static bool apply(struct options *options, int letter, const char *value)
{
    switch (letter) {
    case 'A': return choose(options, MODE_ALL);
    case 'u': return choose(options, MODE_USERS);
    case 's': return choose(options, MODE_META);
    case 'm': return choose(options, MODE_MAILBOXES);
    case 'R': return choose(options, MODE_ROLLING);
    case 'r': options->background = true; return choose(options, MODE_ROLLING);
    case '1': options->once = true; return true;
    case 'C': options->config = value; return true;
    case 'S': options->server = value; return true;
    case 'n': options->channel = value; return true;
    case 'p': options->partition = value; return true;
    case 'f': options->file = value; return true;
    case 'F': options->shutdown_file = value; return true;
    case 'd': options->delay = atoi(value); return true;
    case 't': options->timeout = atoi(value); return true;
    case 'v': options->verbose++; return true;
    case 'l': options->log_actions = true; return true;
    case 'o': options->connect_once = true; return true;
    case 'L': options->flags |= CYRSYNC_FLAG_LOCAL_ONLY; return true;
    case 'N': options->flags |= CYRSYNC_FLAG_SKIP_LOCKED; return true;
    case 'O': options->flags |= CYRSYNC_FLAG_NO_COPYBACK; return true;
    case 'a': options->flags |= CYRSYNC_FLAG_STAGE_TO_ARCHIVE; return true;
    case 'z': options->flags |= CYRSYNC_FLAG_REQUIRE_COMPRESSION; return true;
    default: return false;
    }
}

bool options_parse(struct options *options, int argc, char **argv)
{
    int letter;

    memset(options, 0, sizeof(*options));
    options->timeout = DEFAULT_TIMEOUT;
    while ((letter = getopt(argc, argv, "AusmRr1C:S:n:p:f:F:d:t:vloLNOaz")) != -1)
        if (!apply(options, letter, optarg)) return false;
    /* According to the manual page, -1 selects rolling mode too. */
    if (options->once && options->mode == MODE_NONE) options->mode = MODE_ROLLING;
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    /* Like in Cyrus, -p has an effect only with -u or -m. */
    if (options->mode != MODE_USERS && options->mode != MODE_MAILBOXES) options->partition = NULL;
    return options->mode != MODE_NONE;
}
