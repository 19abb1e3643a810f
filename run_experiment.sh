#!/usr/bin/env bash
# Run the experiment that .env beside this script describes; run it again to go on where it stopped.
#
#   cp .env.example .env        # then edit it
#   ./run_experiment.sh [options of swebench-runner run] [-- options of pytest]
#
# The first run on a fresh machine sets up .venv. Nothing in .env is executed, and no key is ever an argument: the
# runner reads both from the file itself.
set -euo pipefail

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ENV_FILE="${SCRIPT_DIR}/.env"
cd "$SCRIPT_DIR"

# The value of a setting as the runner will see it: the environment first, then the last line of .env that names it.
value_of() {
    local name="$1" value=""
    if [[ -n "${!name:-}" ]]; then
        printf '%s' "${!name}"
        return
    fi
    value="$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?${name}[[:space:]]*=[[:space:]]*//p" "$ENV_FILE" | tail -n 1)"
    case "$value" in
        \"*\"*) value="${value#\"}" value="${value%%\"*}" ;;
        \'*\'*) value="${value#\'}" value="${value%%\'*}" ;;
        \#*) value="" ;;
        *)
            value="${value%%[[:space:]]#*}"
            value="${value%"${value##*[![:space:]]}"}"
            ;;
    esac
    printf '%s' "$value"
}

# The Python that the package is installed for: .venv here, the active environment, or .venv made anew.
python_here() {
    local candidate
    for candidate in "${SCRIPT_DIR}/.venv/bin/python" "${VIRTUAL_ENV:-/nonexistent}/bin/python"; do
        if [[ -x "$candidate" ]] && "$candidate" -c \
            'from importlib.metadata import version; version("pytest-swebench")' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    if command -v make >/dev/null; then
        make --no-print-directory .venv/.installed >&2
    elif command -v uv >/dev/null; then
        uv venv --allow-existing .venv >&2
        uv pip install --python .venv/bin/python --editable . >&2
    else
        python3 -m venv .venv >&2
        .venv/bin/python -m pip install --editable . >&2
    fi
    printf '%s' "${SCRIPT_DIR}/.venv/bin/python"
}

runner() { "$PYTHON_HERE" -m pytest_swebench "$@"; }

# Whether one of the options, the first argument, is among the others.
given() {
    local options=" $1 " word
    shift
    for word in "$@"; do
        if [[ "$options" == *" ${word%%=*} "* ]]; then
            return 0
        fi
    done
    return 1
}

# The last value of an option, the first argument, among the others; else the second argument.
last_of() {
    local option="$1" value="$2"
    shift 2
    while (($#)); do
        case "$1" in
            "$option") value="${2:-$value}" ;;
            "$option="*) value="${1#*=}" ;;
        esac
        shift
    done
    printf '%s' "$value"
}

# Why there is no key, in the runner's words: it knows keychain, profiles and every variable. Nothing where there is one.
why_no_key() {
    runner config show 2>/dev/null | awk -v provider="$PROVIDER" '
        $1 == "key" && $2 == "of" && $3 == provider && $4 == "not" && $5 == "set" {
            sub(/^key of [^ ]+ +not set */, "")
            print "No key of " provider ($0 == "" ? "" : ": " $0)
        }'
}

# Run it, with signals: Ctrl-C reaches both of us, SIGTERM is handed on, and either time the runner ends in its own way.
run_to_its_end() {
    local child status
    trap : INT
    (
        trap - INT # which bash keeps from what runs behind it, as it does the terminal
        exec "$PYTHON_HERE" -m pytest_swebench "$@"
    ) <&0 &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null || true' TERM
    while true; do
        status=0
        wait "$child" || status=$?
        kill -0 "$child" 2>/dev/null || break
    done
    wait "$child" || status=$? # a signal may have come between its end and ours
    trap - INT TERM
    return "$status"
}

if [[ ! -f "$ENV_FILE" ]]; then
    echo "No .env file found at $ENV_FILE"
    echo "Copy .env.example to .env and configure:"
    echo "  cp ${SCRIPT_DIR}/.env.example ${SCRIPT_DIR}/.env"
    exit 1
fi
echo "Loading config from $ENV_FILE"

PROVIDER="$(value_of PROVIDER)"
OUTPUT_DIR="$(value_of OUTPUT_DIR)"
DATASET="$(value_of SWEBENCH_DATASET)"
EVALUATE="$(value_of EVALUATE)"
: "${PROVIDER:?PROVIDER must be set in .env: anthropic, openai, openrouter, huggingface, ollama, ...}"
OUTPUT_DIR="$(last_of --output-dir "${OUTPUT_DIR:-results}" "$@")"
RUN_ID="experiment"

PYTHON_HERE="$(python_here)"
ARGUMENTS=(run --dataset "${DATASET:-pro}" --output-dir "$OUTPUT_DIR" --log-file "${OUTPUT_DIR}/experiment.log")
case "$(tr '[:upper:]' '[:lower:]' <<<"$EVALUATE")" in
    true | 1 | yes | on) ARGUMENTS+=(--evaluate) ;;
    "" | false | 0 | no | off) ARGUMENTS+=(--generate-only) ;;
    *)
        echo "EVALUATE '$EVALUATE': must be true or false" >&2
        exit 1
        ;;
esac
if ! given "-p --provider --profile --show-command --help -h" "$@"; then
    NO_KEY="$(why_no_key || true)" # settings that cannot be read are the run's to tell
    if [[ -n "$NO_KEY" ]]; then
        echo "LLM_API_KEY must be set in .env: keyring://swebench-runner/${PROVIDER} if the keychain has it, else the key" >&2
        echo "$NO_KEY" >&2
        exit 1
    fi
fi
# one name for all runs of this script: what is done is left out, and only what changed is asked again
if given "--run-id --resume --checkpoint --rerun-failed" "$@"; then
    RUN_ID=""
else
    ARGUMENTS+=(--run-id "$RUN_ID")
    if compgen -G "${OUTPUT_DIR}/${RUN_ID}/journal/*.jsonl" >/dev/null; then
        echo "Resuming: ${OUTPUT_DIR}/${RUN_ID} exists; its finished cells are left out and paid for no more"
    fi
fi
ARGUMENTS+=("$@")

mkdir -p "$OUTPUT_DIR"
printf 'Running: swebench-runner'
printf ' %q' "${ARGUMENTS[@]}"
printf '\nOutput:  %s\n---\n' "$OUTPUT_DIR"
STATUS=0
run_to_its_end "${ARGUMENTS[@]}" || STATUS=$?
if given "--show-command --help -h" "$@"; then # nothing was run
    exit "$STATUS"
fi

RESULTS=""
if [[ -n "$RUN_ID" ]]; then
    RESULTS="${OUTPUT_DIR}/${RUN_ID}"
else # which run it was, the newest results tell
    for file in "$OUTPUT_DIR"/*/results.jsonl; do
        if [[ -f "$file" && (-z "$RESULTS" || "$file" -nt "${RESULTS}/results.jsonl") ]]; then
            RESULTS="${file%/results.jsonl}"
        fi
    done
fi
if [[ ! -f "${RESULTS}/results.jsonl" ]]; then
    echo "No results: the run ended with exit code $STATUS; log: ${OUTPUT_DIR}/experiment.log" >&2
    exit "$((STATUS ? STATUS : 1))"
fi

if runner analyze-errors --help >/dev/null 2>&1; then
    printf '\n--- Post-experiment analysis ---\n'
    runner analyze-errors --results "${RESULTS}/results.jsonl" --output-dir "$RESULTS" || STATUS=$((STATUS ? STATUS : $?))
fi

printf '\nDone. Results in: %s/\n' "$RESULTS"
list() {
    if [[ -e "${RESULTS}/$1" ]]; then
        printf '  %-30s - %s\n' "$1" "$2"
    fi
}
list results.jsonl "Raw results"
list summary.csv "Rates of every variant"
list traces/ "Workflow execution traces"
list artifact_dags/ "Artifact DAGs"
list predictions/ "SWE-Bench predictions"
list cells/ "Patches, transcripts and test logs"
list final_error_analysis_latest.md "Error report"
list reports/ "HTML report and charts"
printf '  %-30s - %s\n' "../experiment.log" "What was printed"
exit "$STATUS"
