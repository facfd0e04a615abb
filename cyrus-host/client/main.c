/* A sync_client that accesses data only with Cyrus's functions, and replicates with the engine (the
 * cyrsync library). It is an example of a program that embeds the engine in a process of Cyrus. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "cyrsync_cyrus.h"
#include "host.h"
#include "master.h"
#include "options.h"
#include "work.h"

/* The client for signal handlers. All functions that they call for it may be called from signal
 * handlers. */
static cyrsync_client *volatile the_client;

static void on_stop(int number __attribute__((unused)))
{
    cyrsync_client_cancel(the_client);
}

static void on_finish(int number __attribute__((unused)))
{
    cyrsync_client_finish(the_client);
}

static void on_wake(int number __attribute__((unused)))
{
    cyrsync_client_wake(the_client);
}

static void answer_signals(enum mode mode)
{
    static const int stops[] = { SIGINT, SIGQUIT, SIGTERM };
    struct sigaction action;
    size_t i;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = mode == MODE_ROLLING ? on_finish : on_stop;
    for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
        sigaction(stops[i], &action, NULL);
    action.sa_handler = on_wake;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void on_log(void *userdata __attribute__((unused)), cyrsync_log_level level,
                   cyrsync_str line)
{
    syslog((int)level, "%.*s", (int)line.len, line.data);
}

static void on_action(void *userdata, cyrsync_str line)
{
    const struct options *options = userdata;

    if (options->verbose) {
        printf("%.*s\n", (int)line.len, line.data);
        fflush(stdout);
    }
    if (options->log_actions) syslog(LOG_INFO, "%.*s", (int)line.len, line.data);
}

/* Prints the traffic like Cyrus's own client: a mark and the time before each part, except if it
 * continues a line. */
static void on_traffic(void *userdata, bool sent, cyrsync_str bytes)
{
    struct options *options = userdata;
    const char mark = sent ? '>' : '<';

    if (!bytes.len) return;
    if (options->within != mark) fprintf(stderr, "%c%lld%c", mark, (long long)time(NULL), mark);
    fwrite(bytes.data, 1, bytes.len, stderr);
    options->within = bytes.data[bytes.len - 1] == '\n' ? 0 : mark;
}

static void on_unreachable(void *userdata __attribute__((unused)),
                           const cyrsync_unreachable *unreachable)
{
    complain(cyrsync_error_message(unreachable->error));
    fprintf(stderr, "Can not connect to server '%.*s', retrying in %llu seconds\n",
            (int)unreachable->server.len, unreachable->server.data,
            (unsigned long long)unreachable->pause_s);
}

/* The time limit for locks in rolling mode, in milliseconds. Only with a sync log, which takes the
 * entries of locked users, is there a time limit. */
#define PATIENCE 200

static bool is_patient(const struct options *options)
{
    return options->mode != MODE_ROLLING || (options->file && !options->channel);
}

/* Makes the configuration of the engine. Cyrus has read imapd.conf separately. */
static cyrsync_result configure(struct options *options, cyrsync_config **config,
                                cyrsync_error **error)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_result result = cyrsync_config_load(cyrsync_str_from(options->config), config, error);

    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_channel(*config, cyrsync_str_from(options->channel), error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_server(*config, cyrsync_str_from(options->server), error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_partition(*config, cyrsync_str_from(options->partition), error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_flags(
            *config, options->flags | (options->verbose > 2 ? CYRSYNC_FLAG_WHOLE_MESSAGES : 0),
            error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_lock_patience(*config, is_patient(options) ? -1 : PATIENCE,
                                                  error);
    callbacks.userdata = options;
    callbacks.log = on_log;
    callbacks.action = on_action;
    callbacks.unreachable = on_unreachable;
    if (options->mode == MODE_ALL) callbacks.item = on_item;
    if (options->verbose > 1) callbacks.traffic = on_traffic;
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_callbacks(*config, &callbacks, error);
    return result;
}

static int run(struct options *options)
{
    cyrsync_config *config = NULL;
    cyrsync_error *error = NULL;
    cyrsync_host table;
    cyrsync_client *client = NULL;
    cyrsync_result result = configure(options, &config, &error);
    int exit_code;

    if (result == CYRSYNC_RESULT_OK) {
        host_new(options->channel, &table);
        result = cyrsync_client_new_with_host(config, &table, &client, &error);
        the_client = client;
    }
    cyrsync_config_free(config);
    if (result != CYRSYNC_RESULT_OK) {
        complain(cyrsync_error_message(error));
        cyrsync_error_free(error);
        return EX_CONFIG;
    }
    answer_signals(options->mode);
    exit_code = work(the_client, options);
    /* Signal handlers must not use a client that is freed. They ignore NULL. */
    client = the_client;
    the_client = NULL;
    cyrsync_client_free(client);
    return exit_code;
}

int main(int argc, char **argv)
{
    struct options options;
    int exit_code;
    int r;

    if (!options_parse(&options, argc, argv)) {
        fprintf(stderr, "usage: %s -A|-u|-s|-m|-R|-r [options] [name...]\n", argv[0]);
        return EX_USAGE;
    }
    if (options.background && !options.file && !getenv("CYRUS_ISDAEMON")) {
        /* Fork before Cyrus opens files that a child process must not share. */
        pid_t child = fork();
        if (child < 0) return EX_TEMPFAIL;
        if (child > 0) return 0;
    }
    if (!cyrsync_cyrus_fits()) {
        complain("this was built for another version of Cyrus, see syslog: build cyrus-host again");
        return EX_SOFTWARE;
    }
    r = program_begin(options.config, "sync_client");
    if (r) {
        complain(error_message(r));
        return EX_CONFIG;
    }
    /* Changes by a repair are logged only to the other channels (master_log_change), because the
     * replica of this channel has them already. */
    sync_log_suppress();
    if (!options.server && !channel_string(options.channel, IMAPOPT_SYNC_HOST))
        fatal("sync_host not defined", EX_SOFTWARE);
    master_settle();
    exit_code = run(&options);
    program_end();
    return exit_code;
}
