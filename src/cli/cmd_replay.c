/* cli/cmd_replay: `tracellm replay ID`: rebuild, prove, execute again, tell. */
#include "cli.h"
#include "waterfall.h"

#include <tracellm/replay.h>

struct proof {
	bool stored; /* the view has a document */
	bool equal;  /* its digest is that of the fresh fold */
	struct tl_digest digest;
};

static bool
is_good(const struct tl_replay_report *report, const struct proof *proof)
{
	return !report->divergence.found && report->chain.bad == 0 && (!proof->stored || proof->equal);
}

static void
print_divergence(const struct tl_divergence *divergence)
{
	(void)printf("Diverged:     event %llu, %s, field %s\n  recorded:   ", (unsigned long long)divergence->index,
		divergence->event, divergence->field);
	cli_print_line(stdout, tl_utf8_prefix(tl_buf_str(&divergence->recorded), 400));
	(void)fputs("\n  replayed:   ", stdout);
	cli_print_line(stdout, tl_utf8_prefix(tl_buf_str(&divergence->replayed), 400));
	(void)putchar('\n');
}

static void
print_spans(const struct tl_replay_report *report)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *original = NULL;
	TL_CLEANUP(tl_json_cleanup) tl_json *replayed = NULL;
	struct tl_err err;
	if (tl_json_parse(tl_buf_str(&report->document), &original, &err) != TL_OK)
		return;
	if (report->replayed_document.len && tl_json_parse(tl_buf_str(&report->replayed_document), &replayed, &err) != TL_OK)
		return;
	(void)putchar('\n');
	cli_print_spans_beside(original, replayed ? replayed : original);
}

static void
print_report(struct cli_reader *reader, const struct tl_replay_report *report, const struct proof *proof)
{
	char digest[TL_DIGEST_TEXT_SIZE];
	tl_str origin = cli_short_id(reader->log, report->origin, &reader->arena);
	tl_digest_text(report->document_digest, digest);
	(void)printf("Trace ID:     %.*s\n", TL_FMT(origin));
	if (report->made_known)
		(void)printf("Replay ID:    %.*s\n", TL_FMT(cli_short_id(reader->log, report->made, &reader->arena)));
	(void)printf("Rebuilt:      %llu events, document %.16s\n", (unsigned long long)report->events, digest);
	if (report->chain.bad == 0)
		(void)printf("Chain:        holds for %llu events\n", (unsigned long long)report->chain.events);
	else
		(void)printf("Chain:        broken at event %llu: %s\n", (unsigned long long)report->chain.first_bad_seq,
			report->chain.first_bad);
	(void)printf("Stored:       %s\n", !proof->stored ? "not stored in the embedded view yet"
					   : proof->equal ? "equal, byte for byte"
							  : "DIFFERS from the fresh fold");
	(void)printf("Executed:     %llu of %llu events made again, equal\n", (unsigned long long)report->compared,
		(unsigned long long)report->events);
	if (report->pipeline != TL_PIPELINE_VERSION)
		(void)printf("Recorded by:  pipeline version %llu, this is %d\n", (unsigned long long)report->pipeline,
			TL_PIPELINE_VERSION);
	if (report->divergence.found)
		print_divergence(&report->divergence);
	(void)printf("Result:       %s\n", is_good(report, proof) ? "identical" : "diverged");
	print_spans(report);
}

static tl_json *
divergence_json(const struct tl_divergence *divergence)
{
	if (!divergence->found)
		return tl_json_new_null();
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "index", (int64_t)divergence->index);
	tl_json_set_int(object, "seq", (int64_t)divergence->seq);
	tl_json_set_str(object, "event", tl_str_of(divergence->event));
	tl_json_set_str(object, "field", tl_str_of(divergence->field));
	tl_json_set_str(object, "recorded", tl_buf_str(&divergence->recorded));
	tl_json_set_str(object, "replayed", tl_buf_str(&divergence->replayed));
	return object;
}

static int
print_report_json(const struct tl_replay_report *report, const struct proof *proof)
{
	char id[TL_TRACE_ID_TEXT_SIZE], digest[TL_DIGEST_TEXT_SIZE];
	tl_json *object = tl_json_new_object();
	tl_trace_id_text(report->origin, id);
	tl_json_set_str(object, "trace_id", tl_str_of(id));
	tl_trace_id_text(report->made, id);
	tl_json_set_str_or_null(object, "replay_id", report->made_known ? tl_str_of(id) : (tl_str){ NULL, 0 });
	tl_json_set_str(object, "result", is_good(report, proof) ? TL_STR("identical") : TL_STR("diverged"));
	tl_json_set_int(object, "events", (int64_t)report->events);
	tl_json_set_int(object, "compared", (int64_t)report->compared);
	tl_digest_text(report->document_digest, digest);
	tl_json_set_str(object, "digest", tl_str_of(digest));
	tl_digest_text(proof->digest, digest);
	tl_json_set_str_or_null(object, "stored_digest", proof->stored ? tl_str_of(digest) : (tl_str){ NULL, 0 });
	tl_json_set_bool(object, "chain", report->chain.bad == 0);
	tl_json_set_int(object, "pipeline", (int64_t)report->pipeline);
	tl_json_set(object, "divergence", divergence_json(&report->divergence));
	return cli_print_json(object);
}

/* What the view stored, whatever the log says now. */
static enum tl_status
read_stored(struct cli_reader *reader, struct tl_trace_id id, struct proof *proof, struct tl_err *err)
{
	struct tl_view_row row;
	enum tl_status status = reader->view->ops->document(reader->view, id, &reader->arena, &row, err);
	if (status == TL_ERR_NOT_FOUND)
		return TL_OK;
	if (status != TL_OK)
		return status;
	proof->stored = true;
	/* Of the bytes, not of the column beside them. */
	proof->digest = tl_digest_of(tl_bytes_of(row.document));
	return TL_OK;
}

static enum tl_status
replay(const struct cli_line *line, struct cli_reader *reader, int *ret_code, struct tl_err *err)
{
	struct tl_trace_id id;
	struct tl_replay_report report;
	struct proof proof = { 0 };
	TL_TRY(cli_find(reader, line->arguments[0], &id, err));
	TL_TRY(read_stored(reader, id, &proof, err));
	struct tl_replay_options options = { .log = reader->log, .trace_id = id, .append = tl_log_writer(reader->log) != 0 };
	TL_TRY(tl_replay_run(&options, &report, err));
	proof.equal = proof.stored && tl_digest_equal(proof.digest, report.document_digest);
	*ret_code = is_good(&report, &proof) ? CLI_EXIT_OK : CLI_EXIT_DIFFERS;
	if (cli_given(line, CLI_json))
		(void)print_report_json(&report, &proof);
	else
		print_report(reader, &report, &proof);
	tl_replay_report_done(&report);
	return TL_OK;
}

int
cli_run_replay(const struct cli_line *line)
{
	struct cli_reader reader;
	struct tl_err err;
	int code = CLI_EXIT_OK;
	if (line->argument_count != 1) {
		(void)tl_err_set(&err, TL_ERR_USAGE, "replay needs one trace: an id, the beginning of one, @last or @-2");
		return cli_usage(&err, CLI_COMMAND_replay);
	}
	if (cli_reader_open(line, &reader, &err) != TL_OK)
		return cli_fail(&err);
	if (replay(line, &reader, &code, &err) != TL_OK)
		code = cli_fail(&err);
	struct tl_log *log = reader.log;
	(void)fflush(stdout);
	reader.view->ops->close(reader.view);
	reader.view = NULL;
	if (tl_log_writer(log) != 0)
		cli_run_workers(log);
	cli_reader_close(&reader);
	return code;
}
