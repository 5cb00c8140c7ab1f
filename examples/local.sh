# For examples that need a whole house: one handler in a sidecar, beside the local cloud that `outrigger dev` brings.
# Sourced from the root of the repository. Everything lies in a folder that goes with the shell, as do the processes.

local_folder=${local_folder:-$(mktemp -d)}
local_processes=()

local_end() {
    for process in "${local_processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait
    rm -rf "$local_folder"
}
trap local_end EXIT
# Told to end twice it ends once: what it started must not outlive it.
trap 'trap "" INT TERM; exit 143' INT TERM

# Looks again and again until a command succeeds, for a minute at most.
await() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "waited in vain for: $*" >&2
    tail -n 20 "$local_folder"/*.log >&2
    exit 1
}

# sqs ACTION BODY: a call of the queues' API; bus ACTION BODY: one of the event bus's.
sqs() {
    curl -sf "$local_endpoint" -H "X-Amz-Target: AmazonSQS.$1" -H 'Content-Type: application/x-amz-json-1.0' -d "$2"
}
bus() {
    curl -sf "$local_endpoint" -H "X-Amz-Target: AWSEvents.$1" -H 'Content-Type: application/x-amz-json-1.1' -d "$2"
}

# start_house HANDLER SETTINGS [SECTIONS]: the cloud, a queue named `main`, and a sidecar that gives its events to the
# handler with these settings. The configuration may have more sections.
start_house() {
    outrigger dev --events 1 --folder "$local_folder/cloud" >"$local_folder/cloud.log" 2>&1 &
    local_processes+=($!)
    await grep -q 'still running' "$local_folder/cloud.log"
    local_endpoint=$(sed -n 's/^  endpoint: //p' "$local_folder/cloud/outrigger.yaml")
    local_queue=$local_endpoint/000000000000/main
    sqs CreateQueue '{"QueueName": "main-dead"}' >/dev/null
    sqs CreateQueue '{"QueueName": "main"}' >/dev/null

    local_admin=127.0.0.1:$((20000 + RANDOM % 10000))
    cat >"$local_folder/outrigger.yaml" <<YAML
aws: {endpoint: "$local_endpoint", region: eu-central-1}
queues:
  - {name: main, url: "$local_queue", dead-letter: "$local_queue-dead", handlers: [$1]}
key-sets:
  - {name: qsl, url: "$local_endpoint/keys/jwks-pqc", sources: ["qsl.*"]}
signing: {key: "$local_folder/cloud/sidecar.key", kid: sidecar-1}
bus: {name: qsl-events}
store: {path: "$local_folder/outrigger.db", durability: durable, low-water: 1MiB}
state-directory: $local_folder/state
sandbox: available
admin: {listen: "$local_admin"}
handlers:
  - {id: $1, $2}
${3:-}
YAML
    AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
        outrigger run "$local_folder/outrigger.yaml" >"$local_folder/sidecar.log" 2>&1 &
    local_processes+=($!)
    await curl -sf "$local_admin/readyz"
}

# send DETAIL-TYPE PAYLOAD: signs an event of qsl.orders, with an id of its own, and puts it into the queue.
send() {
    local detail envelope
    detail=$(outrigger keys sign --key "$local_folder/cloud/publisher.key" \
        --source qsl.orders --detail-type "$1" <<<"$2")
    envelope=$(printf '{"version":"0","id":"%s","source":"qsl.orders","detail-type":"%s","account":"000000000000",' \
        "$(cat /proc/sys/kernel/random/uuid)" "$1")
    envelope+=$(printf '"time":"%s","region":"eu-central-1","resources":[],"detail":%s}' "$(date -u +%FT%TZ)" "$detail")
    envelope=$(sed 's/[\\"]/\\&/g' <<<"$envelope")
    sqs SendMessage "{\"QueueUrl\": \"$local_queue\", \"MessageBody\": \"$envelope\"}" >/dev/null
}

# metric NAME [LABELS]: the sum of a metric over the label sets that hold LABELS.
metric() {
    curl -sf "$local_admin/metrics" | grep "^$1[{ ]" | grep -F -- "${2:-}" | awk '{sum += $2} END {print sum + 0}'
}

# is NUMBER NAME [LABELS]: whether a metric is that number.
is() { [ "$(metric "${@:2}")" = "$1" ]; }
