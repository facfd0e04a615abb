/* Usage: errors imapd.conf. Checks wrong calls of the C API and the content of error objects. The
 * mail store may be empty. */
#include <errno.h>

#include "check.h"
#include "cyrsync.h"

static void version(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", CYRSYNC_VERSION_MAJOR, CYRSYNC_VERSION_MINOR,
             CYRSYNC_VERSION_PATCH);
    CHECK_STR(cyrsync_version_string(), text);
    CHECK(cyrsync_version_number() == CYRSYNC_VERSION_NUMBER);
    CHECK((cyrsync_version_number() >> 16) == CYRSYNC_VERSION_MAJOR);
    CHECK((cyrsync_version_number() >> 8 & 0xff) == CYRSYNC_VERSION_MINOR);
    CHECK((cyrsync_version_number() & 0xff) == CYRSYNC_VERSION_PATCH);
}

static void results(void)
{
    CHECK_STR(cyrsync_result_name(CYRSYNC_RESULT_OK), "OK");
    CHECK_STR(cyrsync_result_name(CYRSYNC_RESULT_REPLICA_CHECKSUM), "REPLICA_CHECKSUM");
    CHECK_STR(cyrsync_result_name(-1), "UNKNOWN");
    CHECK_STR(cyrsync_result_name(100), "UNKNOWN");
    CHECK(cyrsync_result_is_retryable(CYRSYNC_RESULT_LOCKED));
    CHECK(!cyrsync_result_is_retryable(CYRSYNC_RESULT_OK));
    CHECK(!cyrsync_result_is_retryable(100));
}

/* Checks that a NULL argument causes an error, not a crash. */
static void null_pointers(void)
{
    cyrsync_str none = {NULL, 0}, broken = {NULL, 1}, name = cyrsync_str_from("fred");
    cyrsync_error *error = NULL;

    CHECK(cyrsync_config_load(none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set(NULL, name, name, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_channel(NULL, name, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_server(NULL, name, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_partition(NULL, name, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_flags(NULL, 0, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_lock_patience(NULL, 200, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set_callbacks(NULL, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_new(NULL, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_connect(NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_disconnect(NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_meta(NULL, name, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_mailboxes(NULL, NULL, 1, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_all(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);

    CHECK(cyrsync_client_sync_user(NULL, broken, &error) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_error_code(error) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK_STR(cyrsync_error_message(error), "check argument client: is NULL");
    CHECK_STR(cyrsync_error_op(error), "check argument");
    CHECK_STR(cyrsync_error_subject(error), "client");
    CHECK(cyrsync_error_subject_kind(error) == CYRSYNC_SUBJECT_TEXT);
    CHECK(cyrsync_error_part_count(error) == 0 && cyrsync_error_part(error, 0) == NULL);
    CHECK_STR(cyrsync_error_detail(error), "is NULL");
    CHECK_STR(cyrsync_error_hint(error), "");
    CHECK(cyrsync_error_os_error(error) == 0 && !cyrsync_error_is_retryable(error));
    cyrsync_error_free(error);

    CHECK(cyrsync_error_code(NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_error_subject_kind(NULL) == CYRSYNC_SUBJECT_NONE);
    CHECK(cyrsync_error_user(NULL).len == 0 && cyrsync_error_mailbox(NULL).len == 0);
    CHECK(cyrsync_error_uid(NULL) == 0 && cyrsync_error_part_count(NULL) == 0);
    CHECK(cyrsync_error_part(NULL, 0) == NULL);
    CHECK_STR(cyrsync_error_message(NULL), "");
    CHECK_STR(cyrsync_client_server(NULL), "");
    cyrsync_client_cancel(NULL);
    CHECK(cyrsync_error_os_error(NULL) == 0 && !cyrsync_error_is_retryable(NULL));
    CHECK(cyrsync_client_free(NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(NULL);
    cyrsync_error_free(NULL);
    CHECK(cyrsync_str_from(NULL).len == 0);
}

static void missing_file(void)
{
    cyrsync_config *config = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str path = cyrsync_str_from("/nonexistent/imapd.conf");
    cyrsync_result result = cyrsync_config_load(path, &config, &error);

    CHECK(result == CYRSYNC_RESULT_IO || result == CYRSYNC_RESULT_CONFIG);
    CHECK(config == NULL);
    CHECK(strstr(cyrsync_error_message(error), "/nonexistent/imapd.conf") != NULL);
    CHECK(cyrsync_error_os_error(error) == ENOENT);
    cyrsync_error_free(error);
}

static int destroyed, logged;

static void destroy(void *userdata)
{
    CHECK(userdata == &destroyed);
    destroyed++;
}

static void log_line(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    CHECK(userdata == &destroyed);
    CHECK(level >= CYRSYNC_LOG_LEVEL_ERROR && level <= CYRSYNC_LOG_LEVEL_DEBUG);
    CHECK(line.data != NULL && line.len > 0);
    logged++;
}

/* Checks that the library calls destroy once, when neither a configuration nor a client uses
 * userdata. */
static void userdata(const char *path)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_str empty = {NULL, 0}, broken = {NULL, 1};

    callbacks.userdata = &destroyed;
    callbacks.destroy = destroy;
    callbacks.log = log_line;
    CHECK(cyrsync_config_set_callbacks(NULL, &callbacks, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(destroyed == 1);

    CHECK(cyrsync_config_load(cyrsync_str_from(path), &config, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_callbacks(config, &callbacks, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_callbacks(config, &callbacks, NULL) == CYRSYNC_RESULT_OK);
    CHECK(destroyed == 2);

    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    CHECK(destroyed == 2);

    /* If err is NULL, the log callback receives the error. */
    logged = 0;
    CHECK(cyrsync_client_sync_user(client, empty, NULL) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(logged == 1);
    CHECK(cyrsync_client_sync_user(client, broken, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_mailboxes(client, NULL, 1, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_mailboxes(client, &broken, 1, NULL) == CYRSYNC_RESULT_NULL_POINTER);

    cyrsync_client_free(client);
    CHECK(destroyed == 3);
}

static void bad_arguments(const char *path)
{
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str latin1 = {"caf\xe9", 4};

    CHECK(cyrsync_config_load(cyrsync_str_from(path), &config, &error) == CYRSYNC_RESULT_OK);
    CHECK(error == NULL);
    CHECK(cyrsync_config_set_flags(config, 1u << 31, &error) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK_STR(cyrsync_error_subject(error), "flags");
    cyrsync_error_free(error);
    CHECK(cyrsync_config_set_flags(config, CYRSYNC_FLAG_SKIP_LOCKED | CYRSYNC_FLAG_NO_COPYBACK,
                                   NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_channel(config, latin1, NULL) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(cyrsync_config_set(config, cyrsync_str_from("sync_timeout"), cyrsync_str_from("soon"),
                             NULL)
          == CYRSYNC_RESULT_CONFIG);
    CHECK(cyrsync_client_new(config, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);

    /* Nothing listens on this port, so the call fails with CONNECT. The client can still be
     * used. */
    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    CHECK_STR(cyrsync_client_server(client), "127.0.0.1:1");
    error = NULL;
    CHECK(cyrsync_client_connect(client, &error) == CYRSYNC_RESULT_CONNECT);
    CHECK(cyrsync_result_is_retryable(cyrsync_error_code(error)));
    CHECK(cyrsync_error_is_retryable(error) && cyrsync_error_os_error(error) == ECONNREFUSED);
    CHECK(strstr(cyrsync_error_message(error), "127.0.0.1:1") != NULL);
    cyrsync_error_free(error);
    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_client_free(client);
    cyrsync_config_free(config);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    version();
    results();
    null_pointers();
    missing_file();
    userdata(argv[1]);
    bad_arguments(argv[1]);
    return failures != 0;
}
