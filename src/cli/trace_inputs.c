/* cli/trace_inputs: options, environment, standard input and files made into a plan; which provider is asked, and why. */
#include "trace_inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUTS_MEMORY_LIMIT (256u << 20)
#define TIMEOUT_DEFAULT_MS  600000u
#define RETRIES_DEFAULT     2u
#define RETRIES_MAX         100u

/* Keys of the ecosystem: wherever their values turn up, they are overwritten. */
static const char *const key_variables[] = { "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GEMINI_API_KEY",
	"GOOGLE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "OPENROUTER_API_KEY", "GROQ_API_KEY",
	"MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "MOONSHOT_API_KEY",
	"ZHIPU_API_KEY", "DASHSCOPE_API_KEY", "COHERE_API_KEY", "PERPLEXITY_API_KEY", "CEREBRAS_API_KEY", "NVIDIA_API_KEY",
	"HF_TOKEN", "GITHUB_TOKEN", "OLLAMA_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK" };

/* ---- Reading files ---- */

static enum tl_status
read_all(int fd, const char *name, struct tl_arena *arena, tl_str *ret_text, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf buf;
	char piece[65536];
	ssize_t got;
	tl_buf_init(&buf, CLI_INPUT_LIMIT);
	while ((got = read(fd, piece, sizeof piece)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return tl_err_errno(err, errno, "%s cannot be read", name);
		tl_buf_add(&buf, piece, (size_t)got);
		TL_TRY(tl_buf_status(&buf, name, err));
	}
	tl_str text = tl_arena_str(arena, tl_buf_str(&buf));
	if (!text.ptr)
		return tl_arena_failed(arena, buf.len, err);
	*ret_text = text;
	return TL_OK;
}

static enum tl_status
read_file(tl_str path, struct tl_arena *arena, tl_str *ret_text, struct tl_err *err)
{
	tl_str name = tl_arena_str(arena, path);
	if (!name.ptr)
		return tl_arena_failed(arena, path.len, err);
	if (tl_str_equal(path, TL_STR("-")))
		return read_all(STDIN_FILENO, "standard input", arena, ret_text, err);
	TL_CLEANUP(tl_close_cleanup) int fd = open(name.ptr, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tl_err_errno(err, errno, "%s cannot be opened", name.ptr);
	return read_all(fd, name.ptr, arena, ret_text, err);
}

/* Standard input is part of the prompt when something was put there: a pipe or a file. A terminal is read only for `-`. */
static bool
input_is_given(void)
{
	struct stat info;
	return fstat(STDIN_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode));
}

static enum tl_status
read_prompt(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	tl_str argument = { NULL, 0 }, piped = { NULL, 0 };
	bool dash = false;
	for (size_t i = 0; i < line->argument_count; i++) {
		if (tl_str_equal(line->arguments[i], TL_STR("-")) && !dash)
			dash = true;
		else if (!argument.ptr)
			argument = line->arguments[i];
		else
			return tl_err_set(err, TL_ERR_USAGE, "more than one prompt: put it in quotes");
	}
	if (dash || input_is_given())
		TL_TRY(read_all(STDIN_FILENO, "standard input", &inputs->arena, &piped, err));
	/* The line feed that ends a file is not part of the question. */
	while (piped.len > 0 && (piped.ptr[piped.len - 1] == '\n' || piped.ptr[piped.len - 1] == '\r'))
		piped.len--;
	if (piped.len == 0 && argument.len == 0)
		return tl_err_set(err, TL_ERR_USAGE, "a prompt is missing: give it as an argument or on standard input");
	if (piped.len > 0 && argument.len > 0)
		argument = tl_arena_printf(
			&inputs->arena, "%.*s\n\n%.*s", (int)piped.len, piped.ptr, (int)argument.len, argument.ptr);
	else if (piped.len > 0)
		argument = piped;
	inputs->plan.inputs.prompt = argument;
	return argument.ptr ? TL_OK : tl_arena_failed(&inputs->arena, 0, err);
}

/* ---- Provider and model ---- */

static bool
is_set(const char *variable)
{
	const char *value = variable ? getenv(variable) : NULL;
	return value && *value;
}

/* --provider, else TRACELLM_PROVIDER, else an address that only `openai` can mean, else the first whose key is set, else the
 * sandbox. */
static enum tl_status
choose_provider(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	tl_str name = cli_text(line, CLI_provider), reason = cli_reason(line, CLI_provider, &inputs->arena);
	if (!name.ptr && cli_given(line, CLI_url)) {
		name = TL_STR("openai");
		reason = TL_STR("flag --url");
	} else if (!name.ptr && cli_given(line, CLI_base_url)) {
		name = TL_STR("openai");
		reason = line->values[CLI_base_url].source == CLI_FROM_FLAG ? TL_STR("flag --base-url")
									    : TL_STR("environment OPENAI_BASE_URL");
	}
	for (const struct tl_provider *const *at = tl_providers(); !name.ptr && *at; at++) {
		if (is_set((*at)->key_variable)) {
			name = tl_str_of((*at)->name);
			reason = tl_arena_printf(&inputs->arena, "environment %s", (*at)->key_variable);
		}
	}
	if (!name.ptr) {
		name = TL_STR("sandbox");
		reason = TL_STR("default");
	}
	inputs->provider = tl_provider_find(name);
	if (!inputs->provider)
		return tl_err_set(err, TL_ERR_USAGE, "there is no provider '%.*s'; openai and sandbox are there", TL_FMT(name));
	inputs->plan.inputs.provider = tl_str_of(inputs->provider->name);
	inputs->plan.inputs.provider_reason = reason;
	return reason.ptr ? TL_OK : tl_arena_failed(&inputs->arena, 0, err);
}

static enum tl_status
choose_model(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	struct tl_inputs *to = &inputs->plan.inputs;
	if (to->raw_request.ptr) {
		/* What is sent unchanged names its own model; an option beside it could only lie. */
		struct tl_request_view view;
		TL_TRY(tl_request_read(inputs->provider->api, to->raw_request, &inputs->arena, &view, err));
		to->model = view.model.ptr ? view.model : TL_STR("unknown");
		to->model_reason = TL_STR("request");
		to->stream = view.stream;
		return TL_OK;
	}
	to->model = cli_text(line, CLI_model);
	to->model_reason = cli_reason(line, CLI_model, &inputs->arena);
	if (!to->model.ptr || !*inputs->provider->default_model)
		to->model = tl_str_of(inputs->provider->default_model);
	return to->model_reason.ptr ? TL_OK : tl_arena_failed(&inputs->arena, 0, err);
}

static enum tl_status
choose_address(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	struct tl_inputs *to = &inputs->plan.inputs;
	if (cli_given(line, CLI_url) && line->values[CLI_base_url].source == CLI_FROM_FLAG)
		return tl_err_set(err, TL_ERR_USAGE, "--url is the exact address: --base-url cannot be given beside it");
	to->url = cli_text(line, CLI_url);
	if (to->url.ptr)
		return TL_OK;
	bool takes_variable = inputs->provider->base_url_variable != NULL;
	to->base_url = takes_variable ? cli_text(line, CLI_base_url) : (tl_str){ NULL, 0 };
	if (!to->base_url.ptr)
		to->base_url = tl_str_of(inputs->provider->default_base_url);
	return TL_OK;
}

/* ---- The rest ---- */

static enum tl_status
read_header(tl_str text, struct tl_pair *ret_header, struct tl_err *err)
{
	size_t colon = tl_str_find_char(text, ':');
	tl_str name = tl_str_slice(text, 0, colon == SIZE_MAX ? 0 : colon);
	if (name.len == 0)
		return tl_err_set(err, TL_ERR_USAGE, "--header '%.*s' is not NAME:VALUE", TL_FMT(text));
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || (i < colon && (unsigned char)text.ptr[i] <= ' '))
			return tl_err_set(
				err, TL_ERR_USAGE, "--header '%.*s': character %zu cannot stand there", TL_FMT(text), i + 1);
	*ret_header = (struct tl_pair){ name, tl_str_trim(tl_str_from(text, colon + 1)) };
	return TL_OK;
}

static enum tl_status
read_repeats(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	struct tl_pair *headers = tl_arena_array(&inputs->arena, line->repeat_count, sizeof *headers);
	tl_str *tags = tl_arena_array(&inputs->arena, line->repeat_count, sizeof *tags);
	struct tl_plan *plan = &inputs->plan;
	if (!headers || !tags)
		return tl_arena_failed(&inputs->arena, 0, err);
	for (size_t i = 0; i < line->repeat_count; i++) {
		if (line->repeats[i].option == CLI_tag)
			tags[plan->tags.count++] = line->repeats[i].text;
		else
			TL_TRY(read_header(line->repeats[i].text, &headers[plan->inputs.header_count++], err));
	}
	plan->tags.items = tags;
	plan->inputs.headers = headers;
	return TL_OK;
}

static enum tl_status
read_timeout(const struct cli_line *line, uint64_t *ret_ms, struct tl_err *err)
{
	tl_str text = cli_text(line, CLI_timeout), whole = text, part;
	uint64_t seconds = 0, milliseconds = 0;
	if (!text.ptr) {
		*ret_ms = TIMEOUT_DEFAULT_MS;
		return TL_OK;
	}
	size_t dot = tl_str_find_char(text, '.');
	bool good = true;
	if (dot != SIZE_MAX) {
		whole = tl_str_slice(text, 0, dot);
		part = tl_str_from(text, dot + 1);
		good = part.len >= 1 && part.len <= 3 && tl_str_to_u64(part, &milliseconds);
		for (size_t i = part.len; i < 3; i++)
			milliseconds *= 10;
	}
	good = good && tl_str_to_u64(whole, &seconds) && seconds <= 86400;
	if (!good)
		return tl_err_set(err, TL_ERR_USAGE, "--timeout is '%.*s', seconds from 0 to 86400 are expected", TL_FMT(text));
	*ret_ms = seconds * 1000 + milliseconds;
	return TL_OK;
}

static enum tl_status
read_settings(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	struct tl_inputs *to = &inputs->plan.inputs;
	uint64_t max_tokens;
	to->system = cli_text(line, CLI_system);
	to->temperature = cli_text(line, CLI_temperature);
	to->max_tokens = -1;
	if (cli_given(line, CLI_max_tokens)) {
		TL_TRY(cli_number(line, CLI_max_tokens, 1, 1000000000, 0, &max_tokens, err));
		to->max_tokens = (int64_t)max_tokens;
	}
	if (cli_given(line, CLI_stream) && cli_given(line, CLI_no_stream))
		return tl_err_set(err, TL_ERR_USAGE, "--stream and --no-stream exclude each other");
	to->stream = !cli_given(line, CLI_no_stream);
	TL_TRY(read_timeout(line, &to->timeout_ms, err));
	TL_TRY(cli_number(line, CLI_retries, 0, RETRIES_MAX, RETRIES_DEFAULT, &to->retries_max, err));
	inputs->plan.source = TL_STR("cli");
	inputs->plan.project = cli_given(line, CLI_project) ? cli_text(line, CLI_project) : TL_STR("default");
	inputs->plan.session = cli_text(line, CLI_session);
	return TL_OK;
}

static enum tl_status
read_body(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	static const enum cli_option_id excluded[] = { CLI_system, CLI_temperature, CLI_max_tokens };
	tl_str body;
	if (!cli_given(line, CLI_request))
		return read_prompt(line, inputs, err);
	if (line->argument_count > 0)
		return tl_err_set(err, TL_ERR_USAGE, "--request is the whole request: a prompt cannot be given beside it");
	for (size_t i = 0; i < sizeof excluded / sizeof excluded[0]; i++)
		if (cli_given(line, excluded[i]))
			return tl_err_set(err, TL_ERR_USAGE, "--request is the whole request: --%s cannot be given beside it",
				cli_options[excluded[i]].flag);
	TL_TRY(read_file(cli_text(line, CLI_request), &inputs->arena, &body, err));
	if (body.len == 0)
		return tl_err_set(err, TL_ERR_USAGE, "the request is empty");
	inputs->plan.inputs.raw_request = tl_bytes_of(body);
	return TL_OK;
}

/* Everything that must never reach the log. */
static enum tl_status
read_secrets(struct trace_inputs *inputs, struct tl_err *err)
{
	const struct tl_inputs *to = &inputs->plan.inputs;
	TL_TRY(tl_redactor_open(&inputs->redactor, err));
	for (size_t i = 0; i < sizeof key_variables / sizeof key_variables[0]; i++)
		TL_TRY(tl_redactor_add(inputs->redactor, tl_str_of(getenv(key_variables[i])), err));
	for (size_t i = 0; i < to->header_count; i++)
		if (tl_header_is_credential(to->headers[i].name))
			TL_TRY(tl_redactor_add(inputs->redactor, tl_header_secret(to->headers[i].value), err));
	return TL_OK;
}

static void
draw_ids(struct tl_plan *plan)
{
	plan->trace_id = tl_trace_id_new();
	tl_entropy(plan->seed.bytes, sizeof plan->seed.bytes);
}

static enum tl_status
read_everything(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	struct tl_inputs *to = &inputs->plan.inputs;
	TL_TRY(choose_provider(line, inputs, err));
	TL_TRY(read_settings(line, inputs, err));
	TL_TRY(read_repeats(line, inputs, err));
	TL_TRY(read_body(line, inputs, err));
	TL_TRY(choose_model(line, inputs, err));
	TL_TRY(choose_address(line, inputs, err));
	const char *key = inputs->provider->key_variable ? getenv(inputs->provider->key_variable) : NULL;
	to->api_key = key && *key ? tl_str_of(key) : (tl_str){ NULL, 0 };
	inputs->plan.key_chars = to->api_key.ptr ? (int64_t)to->api_key.len : -1;
	draw_ids(&inputs->plan);
	return read_secrets(inputs, err);
}

enum tl_status
trace_inputs_read(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err)
{
	memset(inputs, 0, sizeof *inputs);
	tl_arena_init(&inputs->arena, INPUTS_MEMORY_LIMIT);
	enum tl_status status = read_everything(line, inputs, err);
	if (status != TL_OK)
		trace_inputs_done(inputs);
	return status;
}

void
trace_inputs_done(struct trace_inputs *inputs)
{
	tl_redactor_close(inputs->redactor);
	inputs->redactor = NULL;
	tl_arena_done(&inputs->arena);
}
