/* Helpers that make clients for the C tests. */
#ifndef CLIENT_H
#define CLIENT_H

#include "check.h"
#include "cyrsync.h"

static inline cyrsync_config *load(const char *path)
{
    cyrsync_config *config = NULL;

    CHECK(cyrsync_config_load(cyrsync_str_from(path), &config, NULL) == CYRSYNC_RESULT_OK);
    return config;
}

/* Sets the callbacks of a configuration. */
static inline void listen_with(cyrsync_config *config, const cyrsync_callbacks *callbacks)
{
    CHECK(cyrsync_config_set_callbacks(config, callbacks, NULL) == CYRSYNC_RESULT_OK);
}

/* Makes a client that reads the mail store itself. */
static inline cyrsync_client *client_of(const char *path)
{
    cyrsync_config *config = load(path);
    cyrsync_client *client = NULL;

    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    return client;
}

/* Makes a client that uses a host store. */
static inline cyrsync_client *client_over(const char *path, const cyrsync_host *host)
{
    cyrsync_config *config = load(path);
    cyrsync_client *client = NULL;

    CHECK(cyrsync_client_new_with_host(config, host, &client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    return client;
}

#endif
