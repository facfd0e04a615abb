/* Usage: log_append imapd.conf entries [channel...]. Appends entries to sync logs, as Cyrus's
 * programs do. First checks that nothing is written if an entry or a channel is invalid. */
#include "client.h"

#define MOST 8

int main(int argc, char **argv)
{
    cyrsync_config *config;
    cyrsync_error *error = NULL;
    cyrsync_str channels[MOST], unknown = cyrsync_str_from("no-such-channel"), none = {NULL, 0};
    size_t count = argc > 3 ? (size_t)argc - 3 : 0, i;

    if (argc < 3 || count > MOST) {
        fprintf(stderr, "usage: %s imapd.conf entries [channel...]\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    for (i = 0; i < count; i++) channels[i] = cyrsync_str_from(argv[i + 3]);

    CHECK(cyrsync_log_append(config, channels, count, cyrsync_str_from("USER a\nNONSENSE b\n"), &error)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(strstr(cyrsync_error_message(error), "NONSENSE b") != NULL);
    cyrsync_error_free(error);
    CHECK(cyrsync_log_append(config, &unknown, 1, cyrsync_str_from("USER a\n"), NULL)
          == CYRSYNC_RESULT_CONFIG);
    CHECK(cyrsync_log_append(config, NULL, 1, cyrsync_str_from("USER a\n"), NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_log_append(config, &none, 1, none, NULL) == CYRSYNC_RESULT_OK);

    error = NULL;
    if (cyrsync_log_append(config, channels, count, cyrsync_str_from(argv[2]), &error)) {
        fprintf(stderr, "%s: %s\n", cyrsync_result_name((int)cyrsync_error_code(error)),
                cyrsync_error_message(error));
        cyrsync_error_free(error);
        failures++;
    }
    cyrsync_config_free(config);
    return failures != 0;
}
