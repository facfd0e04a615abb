/* Usage: check_config imapd.conf [channel]. Checks a configuration. Prints a line for each check
 * like sync_client --check-config. Prints the bytes that were sent to the replica to stderr. */
#include <pthread.h>

#include "client.h"

struct heard {
    pthread_t caller;
    size_t checks, failed, in_order;
};

static void on_check(void *userdata, const cyrsync_check *check)
{
    static const char *const words[] = {"", "OK", "WARN", "FAIL", "SKIP"};
    struct heard *heard = userdata;

    CHECK(check->size == sizeof(*check) && pthread_equal(pthread_self(), heard->caller));
    heard->checks++;
    heard->failed += check->verdict == CYRSYNC_CHECK_VERDICT_FAIL;
    heard->in_order += (size_t)check->topic == heard->checks;
    printf("%-4s %.*s: %.*s%s%.*s\n", words[check->verdict], (int)check->name.len,
           check->name.data, (int)check->detail.len, check->detail.data,
           check->hint.len ? "; " : "", (int)check->hint.len, check->hint.data);
}

static void on_traffic(void *userdata, bool sent, cyrsync_str bytes)
{
    const struct heard *heard = userdata;

    CHECK(pthread_equal(pthread_self(), heard->caller));
    if (sent) fwrite(bytes.data, 1, bytes.len, stderr);
}

int main(int argc, char **argv)
{
    struct heard heard = {pthread_self(), 0, 0, 0};
    size_t failed = 99;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_config *config;
    cyrsync_error *error = NULL;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s imapd.conf [channel]\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    if (argc == 3)
        CHECK(cyrsync_config_set_channel(config, cyrsync_str_from(argv[2]), NULL)
              == CYRSYNC_RESULT_OK);
    callbacks.userdata = &heard;
    callbacks.check = on_check;
    callbacks.traffic = on_traffic;
    listen_with(config, &callbacks);
    CHECK(cyrsync_config_check(config, &failed, &error) == CYRSYNC_RESULT_OK);
    CHECK(heard.checks == CYRSYNC_CHECK_TOPIC_CLOCKS && heard.in_order == heard.checks);
    CHECK(failed == heard.failed);
    /* All callbacks, and the parameter failed, are optional. */
    listen_with(config, NULL);
    CHECK(cyrsync_config_check(config, NULL, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_check(NULL, NULL, &error) == CYRSYNC_RESULT_NULL_POINTER);
    cyrsync_error_free(error);
    cyrsync_config_free(config);
    if (failures) return 70;
    return failed != 0;
}
