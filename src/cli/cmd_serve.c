/* SPDX-License-Identifier: Apache-2.0
 * cli - `espy serve`: the server. */
#include <signal.h>

#include "cli/cli.h"
#include "http/http.h"

static atomic_bool serve_reload;

static void serve_hangup(int sig)
{
    (void)sig;
    serve_reload = true;
}

static espy_err serve_cmd(espy_cli *cli)
{
    espy_http_limits limits = espy_http_limits_usual();
    ESPY_TRY(espy_cli_workspace(cli, true));
    limits.body = (size_t)espy_cli_int(cli, "max-body") << 20;
    limits.bodies = (size_t)espy_cli_int(cli, "max-bodies") << 20;
    limits.fields = (size_t)espy_cli_int(cli, "max-fields");
    limits.json_depth = (size_t)espy_cli_int(cli, "max-depth");
    limits.ids = (size_t)espy_cli_int(cli, "max-items");
    limits.streams = (size_t)espy_cli_int(cli, "max-streams");
    limits.connections = (size_t)espy_cli_int(cli, "max-connections");
    limits.per_address = (size_t)espy_cli_int(cli, "max-per-address");
    limits.waiting = (size_t)espy_cli_int(cli, "max-waiting");
    limits.request_seconds = espy_cli_real(cli, "request-seconds");
    limits.long_seconds = espy_cli_real(cli, "long-seconds");
    limits.idle_seconds = espy_cli_real(cli, "idle-seconds");
    if (limits.bodies < limits.body)
        return espy_fail(&cli->cx, ESPY_E_ARG, "--max-bodies is to be at least --max-body");
    const espy_serve_options o = {
        .workspace = cli->ws.dir,
        .address = espy_cli_text(cli, "listen"),
        .port = (uint16_t)espy_cli_int(cli, "port"),
        .certificate = espy_cli_text(cli, "certificate"),
        .key = espy_cli_text(cli, "key"),
        .allow_origin = espy_cli_text(cli, "allow-origin"),
        .sounds_dir = espy_cli_text(cli, "sounds-dir"),
        .models_dir = espy_cli_text(cli, "models-dir"),
        .trust_loopback = espy_cli_flag(cli, "trust-loopback"),
        .private_hooks = espy_cli_flag(cli, "private-hooks"),
        .workers = (unsigned)espy_cli_int(cli, "workers"),
        .session_hours = espy_cli_real(cli, "session-hours"),
        .threshold = espy_cli_text(cli, "threshold") ? espy_cli_real(cli, "threshold") : -1,
        .literal = espy_cli_flag(cli, "literal"),
        .limits = limits};
    signal(SIGHUP, serve_hangup);
    signal(SIGPIPE, SIG_IGN);
    espy_err e = espy_serve(&cli->cx, &o, &serve_reload);
    return e;
}

static const espy_option serve_options[] = {
    {"listen", "ADDRESS", ESPY_OPT_TEXT, 0, 0, "127.0.0.1", NULL, "listen",
     "IP address to listen on; 0.0.0.0 or :: for every one of this machine"},
    {"port", "N", ESPY_OPT_INT, 0, 65535, "8000", "ESPY_PORT", "port",
     "port to listen on; 0: any free one, which is told"},
    {"certificate", "FILE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "certificate",
     "TLS: the certificate and those it stands on, PEM"},
    {"key", "FILE", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "key", "TLS: its private key, PEM"},
    {"trust-loopback", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, "trust_loopback",
     "requests from this machine act as an administrator without a token"},
    {"allow-origin", "ORIGIN", ESPY_OPT_TEXT, 0, 0, NULL, NULL, "allow_origin",
     "pages of this origin may ask, \"*\" for all (CORS)"},
    {"workers", "N", ESPY_OPT_INT, 0, 1024, "0", NULL, "workers",
     "threads that encode; 0: one per CPU"},
    {"sounds-dir", "DIR", ESPY_OPT_TEXT, 0, 0, "augmented_audio", NULL, "sounds_dir",
     "EcoSight's folder of recordings, one folder per class"},
    {"models-dir", "DIR", ESPY_OPT_TEXT, 0, 0, "models", NULL, "models_dir",
     "EcoSight's folder of networks"},
    {"session-hours", "H", ESPY_OPT_REAL, 0.01, 8760, "12", NULL, "session_hours",
     "how long a login holds"},
    {"threshold", "P", ESPY_OPT_REAL, 0, 1, NULL, "RECOGNITION_THRESHOLD", "threshold",
     "SmartAttendance: least probability to be recognised; else the version's own"},
    {"literal", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, "literal",
     "SmartAttendance: the probability alone decides, as in the described system; names strangers"},
    {"private-hooks", NULL, ESPY_OPT_FLAG, 0, 0, NULL, NULL, "private_hooks",
     "webhooks may go to addresses of this machine and network"},
    {"max-body", "MIB", ESPY_OPT_INT, 1, 4096, "64", NULL, "max_body", "largest body of a request"},
    {"max-bodies", "MIB", ESPY_OPT_INT, 1, 1048576, "512", NULL, "max_bodies",
     "bodies of all requests in memory together; more are refused with 503"},
    {"max-fields", "N", ESPY_OPT_INT, 1, 100000, "1000", NULL, "max_fields",
     "fields of a form, parts of a body, arguments of a query"},
    {"max-depth", "N", ESPY_OPT_INT, 1, 128, "32", NULL, "max_depth",
     "JSON lists and objects within each other"},
    {"max-items", "N", ESPY_OPT_INT, 1, 1000000, "10000", NULL, "max_items",
     "items of a list that is sent, such as the ids of a batch"},
    {"max-streams", "N", ESPY_OPT_INT, 1, 100000, "128", NULL, "max_streams",
     "event streams open at once"},
    {"max-connections", "N", ESPY_OPT_INT, 8, 1000000, "4096", NULL, "max_connections",
     "connections open at once"},
    {"max-per-address", "N", ESPY_OPT_INT, 0, 1000000, "0", NULL, "max_per_address",
     "connections of one address, also of this machine; 0: no limit but the one above"},
    {"max-waiting", "N", ESPY_OPT_INT, 1, 1000000, "256", NULL, "max_waiting",
     "requests that wait for a worker; more are refused with 503"},
    {"request-seconds", "S", ESPY_OPT_REAL, 0.1, 86400, "60", NULL, "request_seconds",
     "time for one request, from its first byte to its answer"},
    {"long-seconds", "S", ESPY_OPT_REAL, 0.1, 86400, "900", NULL, "long_seconds",
     "the same for what groups, assigns and imports"},
    {"idle-seconds", "S", ESPY_OPT_REAL, 1, 86400, "60", NULL, "idle_seconds",
     "a connection on which nothing happens is closed"},
    {0}};

const espy_command espy_command_serve = {
    "serve",
    "",
    "Answer, learn and remember over HTTP",
    "Listens on this machine alone until --listen says otherwise.  Everybody logs in or sends a\n"
    "key; the first start makes the administrator \"admin\" with a password that is shown once.\n"
    "The address that it prints, opened in a browser, has the pages (docs/console.md).\n"
    "SIGTERM finishes what was begun and ends; SIGHUP reads espy.conf anew, not\n"
    "options, certificates, the store or packs.\n"
    "The interface: /openapi.json of the running server, and docs/server.md.",
    serve_options,
    0,
    0,
    serve_cmd};
