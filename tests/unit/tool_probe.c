/* A filter that does nothing, for tests/cli/tool.bats: copies a stream, slowly when asked, in every way a tool can end. */
#include <unistd.h>
#include "io/outfile.h"
#include "io/pipe.h"
#include "tool/tool.h"

static struct {
    bool make, text, named;
    int64_t wait_ms;
} opt;

static int start(void *user, const msgpack_object *head, struct rnn_writer *w, struct rnn_err *err)
{
    (void)user, (void)head, (void)w, (void)err;
    cli_verbose("a segment begins");
    for (int64_t t = 0; t < opt.wait_ms; t += 10) usleep(10000);
    return RNN_OK;
}

static int make_stream(struct rnn_writer *w, const struct rnn_kvs *build, struct rnn_err *err)
{
    RNN_TRY(rnn_writer_head(w, NULL, "tool_probe", NULL, build, err));
    RNN_TRY(start(NULL, NULL, w, err));
    return rnn_writer_end(w, 0, err);
}

static int write_text(const struct cli_common *c)
{
    FILE *f = tool_open_text(c);
    fprintf(f, "one line\n");
    usleep((useconds_t)(1000 * opt.wait_ms));
    tool_close_text(f);
    return tool_end(0);
}

int main(int argc, char **argv)
{
    struct cli_common common = CLI_COMMON_DEFAULT;
    const struct cli_opt opts[] = {
        { 0, "make", CLI_FLAG, &opt.make, NULL, 0, 0, "begin a stream instead of reading one", 0, NULL },
        { 0, "text", CLI_FLAG, &opt.text, NULL, 0, 0, "write text", 0, NULL },
        { 0, "named", CLI_FLAG, &opt.named, NULL, 0, 0, "as on a file system without unnamed files", 0, NULL },
        { 0, "wait", CLI_INT, &opt.wait_ms, "MS", 0, 1e6, "time to take", 0, NULL },
        CLI_LAST
    };
    const struct cli_tool tool = { "tool_probe", "[options] [FILE]", "Copies a stream.", NULL, opts, 0, 1, tool_version, NULL };
    struct rnn_err err;
    struct rnn_kvs build = { 0 };
    const struct rnn_pipe_ops ops = { .segment_start = start };
    tool_begin(tool.name);
    struct cli_parse *p = cli_begin(&tool, 0, &common, argc, argv);
    cli_apply(p, NULL);
    rnn_outfile_always_named(opt.named);
    if (opt.text) {
        const int status = write_text(&common);
        cli_release_values(p);
        cli_end(p);
        return status;
    }
    if (tool_build(&build, "double", &err) < 0) cli_die_err(&err);
    struct rnn_reader *r = opt.make ? NULL : tool_open_input(&tool, cli_arg(p, 0), &common);
    struct rnn_writer *w = tool_open_output(&common);
    const int rc = opt.make ? make_stream(w, &build, &err) : rnn_pipe_run(r, w, tool.name, NULL, &build, &ops, NULL, &err);
    if (rc < 0) tool_fail(w, NULL, &err);
    tool_close_output(w);
    if (r) rnn_reader_close(r);
    rnn_kvs_release(&build);
    cli_release_values(p);
    cli_end(p);
    return tool_end(0);
}
