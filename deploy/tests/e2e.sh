#!/bin/bash
# End-to-end checks: five lab hosts, real containers, the stock docker CLI. Each check is a function; it passes when the
# function returns 0, and its last word on standard error is the reason when it does not. A check waits for conditions and is
# ended at its time limit. Appends 'outcome TAB name TAB reason' lines to $E2E_RESULTS where that is set.
#
#   deploy/tests/e2e.sh             all of them, in order: a check may rely on what an earlier one has left
#   deploy/tests/e2e.sh NAME...     a lab is made, then these
set -uo pipefail
# shellcheck source=../lab.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lab.sh"

# How often a_killed_agent_keeps_what_it_acknowledged kills an agent.
KILL_ROUNDS=${E2E_KILL_ROUNDS:-1}
# How many services a client makes in two_clients_at_once_overfill_no_node; a multiple of 5.
EACH_MAKES=${E2E_EACH_MAKES:-20}
# NAME:LIMIT_SECONDS. The first group needs no lab, the last none that is up.
BEFORE_LAB=(usage_is_shown:10 bad_arguments_are_refused:20 a_user_who_is_not_root_is_told:20 a_bad_configuration_is_named:30
    the_unit_runs_the_measured_jvm:5 every_dependency_is_explained:5 the_benchmarks_compile:60)
IN_LAB=(version_info_and_nodes:20 a_second_lab_is_refused:20 fifty_replicas_spread_ten_each:60 agents_stay_small:10
    service_logs_are_shown:30 a_job_runs_to_its_end_and_again_where_forced:60 a_device_is_given_to_one_task:60 two_clients_at_once_overfill_no_node:$((70 + EACH_MAKES)) what_would_be_is_said:60
    history_is_kept_as_told:30 a_failed_update_is_rolled_back_by_nobody_in_particular:60 a_failed_update_pauses_and_goes_on_when_told:60 load_decides_how_many_run:100
    an_agent_restart_adopts_its_containers:60 images_come_from_a_registry:120 a_site_downloads_an_image_once:60 credentials_of_a_registry_go_with_a_service:60 images_are_saved_and_tidied_up:60
    events_are_told:30 bad_input_gets_a_clear_error:90
    garbage_on_the_ports_kills_nothing:40 secrets_and_configs_reach_their_tasks:60 an_exclusive_task_has_its_token:70
    exec_reaches_into_a_container:40 a_service_can_be_attached_to:30 a_service_has_a_terminal:90 a_node_may_use_an_oci_runtime:60 health_decides_what_runs:60
    options_reach_the_container:40 volumes_bring_their_file_systems:40 a_service_brings_its_own_policies:60 what_is_missing_is_named:20 metrics_are_served:20
    a_published_port_answers_on_every_node:40 a_changing_service_refuses_no_connection:100 the_sample_stack_is_right_under_load:200
    host_ports_and_taken_ports_are_told:50 a_node_picks_the_ports_that_are_left_open:60 labels_choose_the_task:50
    virtual_addresses_and_the_way_out:60 ipv6_in_networks_and_on_ports:60
    the_ca_is_rotated_and_nobody_is_lost:120 the_rotation_waits_for_a_node_that_is_off:150 autolock_seals_a_restarted_manager:120
    a_killed_node_is_down_and_its_tasks_move:60 a_killed_node_comes_back:60 a_cut_node_comes_back_without_duplicates:120
    removed_service_leaves_no_container:60 four_of_five_killed_and_the_last_one_works:60 the_four_come_back:90
    a_worker_on_an_island_starts_with_its_secret:120
    a_killed_agent_keeps_what_it_acknowledged:$((40 + 30 * KILL_ROUNDS)) a_full_disk_is_named_and_caught_up_with:90
    a_read_only_disk_is_named_and_its_tasks_run:60 a_data_directory_that_is_removed_is_written_anew:60
    a_damaged_database_is_set_aside:60 a_node_that_missed_a_removal_does_not_undo_it:60)
AFTER_LAB=(lab_down_leaves_nothing:40 the_demo_ends_clean:150 the_demo_interrupted_leaves_nothing:60)
SIDE_BY_SIDE=(encrypted_networks_carry_esp_only:380 encrypted_networks_pass_nat:380 containers_run_under_cgroup_v2:380) # each has a kernel of its own
LAB_LIMIT=120
# All limits here are those of a machine with nothing else to do. Where others keep it busy everything takes longer and nothing is wrong, so each is this many
# times as long; it costs nothing where a check passes. The lab's own waits and the docker CLI's get it from here.
export PATIENCE=${E2E_PATIENCE:-3}
export DOCKER_LIMIT=$((30 * PATIENCE))
NODES=5 MANAGERS=3 # also for the checks after the lab

fail() { printf '%s\n' "$*" >&2; exit 1; }
skip() { printf '%s\n' "$*" >&2; exit 77; }
d() { docker_on n1 "$@"; }
found() { grep "$@" >/dev/null; } # reads to the end: grep -q may end before what writes to it, which then dies of SIGPIPE
starling() { "$ROOT_DIR/starling" "$@"; }

# expect_error PATTERN COMMAND...: the command fails, and says something that matches.
expect_error() {
    local pattern=$1 output
    shift
    output=$("$@" 2>&1) && fail "'$*' succeeded, although it should not: $output"
    grep -qiE -- "$pattern" <<<"$output" || fail "'$*' does not say '$pattern', but: $output"
}

# ---- before the lab ----------------------------------------------------------------------------------------------------

usage_is_shown() { starling lab | found 'lab COMMAND' || fail "no usage"; }

bad_arguments_are_refused() {
    expect_error "no command 'fly'" starling lab fly
    expect_error "needs a number from 1 to" starling lab up --nodes many
    expect_error "more than --nodes" starling lab up --nodes 2 --managers 3
    expect_error "no lab" starling lab status
    expect_error "takes no arguments" starling demo --fast
}

a_user_who_is_not_root_is_told() {
    command -v setpriv >/dev/null || skip "setpriv (util-linux) is not there"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$ROOT_DIR/deploy/lab.sh" || skip "other users cannot read this checkout"
    expect_error "has to be run as root" setpriv --reuid=65534 --regid=65534 --clear-groups "$ROOT_DIR/starling" lab up
    expect_error "has to be run as root" setpriv --reuid=65534 --regid=65534 --clear-groups "$ROOT_DIR/starling" demo
}

a_bad_configuration_is_named() {
    local file status
    file=$(mktemp)
    printf 'name: x\nseeeds: []\n' >"$file"
    output=$(starling run --config "$file" 2>&1)
    status=$?
    rm -f "$file"
    [[ $output == *":2: key 'seeeds': unknown; did you mean 'seeds'?"* ]] || fail "got: $output"
    ((status == 78)) || fail "exit code $status instead of 78"
}

the_unit_runs_the_measured_jvm() {
    grep -q '^ExecStart=/usr/bin/java @/etc/starling/jvm.options ' "$ROOT_DIR/deploy/starling.service" || fail "starling.service has flags of its own"
}

every_dependency_is_explained() {
    local named explained
    named=$(sed -n '/<parent>\|<exclusion>/d;s|<groupId>dev.starling</groupId>||;s|.*<artifactId>\([^<]*\)</artifactId>.*|\1|p' "$ROOT_DIR"/pom.xml "$ROOT_DIR"/*/pom.xml \
        | grep -vxE "starling|$(modules | paste -sd '|')" | sort -u)
    explained=$(grep -oE '`[a-z0-9_-]+`' "$ROOT_DIR/docs/DEPENDENCIES.md" | tr -d '`' | sort -u)
    [[ $named == "$explained" ]] || fail "docs/DEPENDENCIES.md and the poms differ: $(diff <(say "$named") <(say "$explained") | grep '^[<>]' | tr '\n' ' ')"
}

# They are run by hand, and would go stale unseen.
the_benchmarks_compile() {
    local classes
    classes=$(mktemp -d)
    javac -proc:none -d "$classes" -cp "$ROOT_DIR/node/target/starling.jar" "$ROOT_DIR"/{bench,deploy/tests}/*.java || { rm -rf "$classes"; fail "bench/*.java, deploy/tests/*.java"; }
    rm -rf "$classes"
    for script in "$ROOT_DIR"/bench/*.sh; do bash -n "$script" || fail "$script"; done
}
modules() { sed -n 's|.*<module>\(.*\)</module>.*|\1|p' "$ROOT_DIR/pom.xml"; }

# ---- in the lab --------------------------------------------------------------------------------------------------------

# running_of SERVICE: "node" for each of its tasks that runs, as n1 sees it.
running_of() { d service ps "$1" --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' 2>/dev/null | awk '$2 == "Running" {print $1}'; }
count_running() { running_of "$1" | wc -l; }
runs() { (($(count_running "$1") == $2)); }
runs_without() { runs "$1" "$2" && ! running_of "$1" | found -x "$3"; }
state_of() { docker_on "$1" node ls --format '{{.Hostname}} {{.Status}}' 2>/dev/null | awk -v node="$2" '$1 == node {print $2}'; }
state_is() { [[ $(state_of "$1" "$2") == "$3" ]]; }
all_ready() { sees_all_ready n1; }
tasks_text() { d service ps "$1" --no-trunc 2>&1 | head -n 12; }
# The processes of tasks named by their command, on one host, as pids inside of it.
sleepers_on() { in_host "$1" pgrep -f '^sleep 1[0-9]{5}$' | sort -n; }
sleepers() { local node; for node in $(node_names); do ! host_is_up "$node" || sleepers_on "$node"; done | wc -l; }
sleepers_are() { (($(sleepers) == $1)); }

version_info_and_nodes() {
    [[ $(d version --format '{{.Server.Os}}') == linux ]] || fail "docker version: $(d version 2>&1)"
    [[ $(d info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}') == 'active true' ]] || fail "docker info: $(d info 2>&1)"
    wait_until 20 all_ready || fail "not all ready: $(d node ls 2>&1)"
    [[ $(docker_on n5 info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}') == 'active false' ]] || fail "n5 is not a worker"
}

a_second_lab_is_refused() {
    expect_error "is up already" starling lab up
    expect_error "is up on this machine" starling demo
}

fifty_replicas_spread_ten_each() {
    starling lab image load busybox:latest >/dev/null || fail "no image"
    local started spread attempt
    for attempt in 1 2 3; do
        started=$(now_millis)
        d service create --name fifty --replicas 50 busybox sleep 100000 >/dev/null || fail "service create did not end with success: $(tasks_text fifty)"
        note "docker service create with its progress display: $(seconds $(($(now_millis) - started)))"
        wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run: $(tasks_text fifty)"
        spread=$(running_of fifty | sort | uniq -c | awk '{print $2 "=" $1}' | tr '\n' ' ')
        [[ $spread != 'n1=10 n2=10 n3=10 n4=10 n5=10 ' && $attempt != 3 ]] || break
        note "spread: $spread; tried again" # an agent that got no processor for a beat (1.5 s) has lost slots to the next node
        d service rm fifty >/dev/null && wait_until 20 sleepers_are 0 || fail "rm"
    done
    awk 'NF != 5 {exit 1} {for (i = 1; i <= NF; i++) {split($i, of, "="); if (of[2] + 0 < 8 || of[2] + 0 > 12) exit 1}}' <<<"$spread" || fail "spread: $spread"
    wait_until 20 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks"
}

agents_stay_small() {
    local node memory
    for node in $(node_names); do
        memory=$(in_host "$node" awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$(agent_of "$node")/status")
        ((memory <= 150)) || fail "the agent of $node takes $memory MiB with 10 containers"
    done
}

service_logs_are_shown() {
    d service create --detach --name talker --stop-grace-period 1s --log-driver local --log-opt mode=non-blocking --log-opt max-buffer-size=256k busybox sh -c 'echo one two three; sleep 100000' \
        >/dev/null || fail "create"
    expect_error 'only supported with mode=non-blocking' d service create --detach --name never --log-driver json-file --log-opt max-buffer-size=1m busybox true
    wait_until 20 talker_is_heard || fail "logs: $(d service logs talker 2>&1)"
    d service rm talker >/dev/null || fail "rm"
    wait_until 20 sleepers_are 50 || fail "the container of talker is still there"
}
talker_is_heard() { d service logs talker 2>/dev/null | grep 'one two three' >/dev/null; }

replicas_of() { d service ls --filter "name=$1" --format '{{.Replicas}}'; }

a_job_runs_to_its_end_and_again_where_forced() {
    local tasks
    need_busybox
    d service create --name job --mode replicated-job --replicas 6 --max-concurrent 3 busybox sleep 1 >/dev/null || fail "create did not end with success: $(tasks_text job)"
    [[ $(replicas_of job) == '0/3 (6/6 completed)' ]] || fail "service ls: $(replicas_of job)"
    d service update --force job >/dev/null || fail "update --force did not end with success: $(tasks_text job)"
    [[ $(replicas_of job) == '0/3 (6/6 completed)' ]] || fail "service ls after the second run: $(replicas_of job)"
    tasks=$(d service ps job --format '{{.CurrentState}}' | grep -c '^Complete')
    ((tasks == 12)) || fail "$tasks tasks completed in two runs of 6: $(tasks_text job)"
    d service create --name each --mode global-job busybox true >/dev/null || fail "global job: $(tasks_text each)"
    [[ $(replicas_of each) == "0/0 (5/5 completed)" ]] || fail "service ls: $(replicas_of each)"
    d service rm job each >/dev/null || fail "rm"
}

a_device_is_given_to_one_task() {
    need_busybox
    d service create --detach --name serial --replicas 6 --generic-resource serial=1 busybox sh -c 'echo "got $DOCKER_RESOURCE_SERIAL"; exec sleep 1000' >/dev/null || fail "create"
    wait_until 20 runs serial 5 || fail "$(count_running serial) of 5 run: $(tasks_text serial)"
    wait_until 10 failed_for serial 'no suitable node: 5 lack serial' || fail "the sixth does not say why: $(tasks_text serial)"
    wait_until 10 serial_is_heard || fail "no device in the environment: $(d service logs serial 2>&1)"
    d service rm serial >/dev/null || fail "rm"
    [[ -e /dev/net/tun ]] || return 0
    d service create --detach --name tunnel --generic-resource tunnel=1 busybox sh -c 'exec 3<>"$DOCKER_RESOURCE_TUNNEL" && echo given && exec sleep 1000' >/dev/null || fail "create tunnel"
    d service create --detach --name said --label starling.devices=/dev/net/tun:/dev/mine:rw busybox sh -c 'exec 3<>/dev/mine && echo given && exec sleep 1000' >/dev/null || fail "create said"
    wait_until 20 given_to tunnel || fail "it cannot open what it got: $(d service logs tunnel 2>&1; tasks_text tunnel)"
    wait_until 20 given_to said || fail "it cannot open what its label says: $(d service logs said 2>&1; tasks_text said)"
    d service create --detach --name nowhere --label starling.devices=/dev/nowhere busybox sleep 1 >/dev/null || fail "create nowhere"
    wait_until 10 failed_for nowhere 'no suitable node: 5 lack /dev/nowhere' || fail "it does not say that no node has the device: $(tasks_text nowhere)"
    d service rm tunnel said nowhere >/dev/null || fail "rm"
}
given_to() { d service logs "$1" 2>/dev/null | found '| given'; }
serial_is_heard() { (($(d service logs serial 2>/dev/null | grep -c 'got ttyUSB0') == 5)); }

# Two docker CLIs make EACH_MAKES services each, one through n1, the other through n2; together they fill the five nodes to the last byte. How many
# processes each host has is looked at all the while, and across a power cut.
two_clients_at_once_overfill_no_node() {
    local share started most
    need_busybox
    share=$(($(d node inspect n1 --format '{{.Description.Resources.MemoryBytes}}') / FULL))
    rm -f "$RUN_DIR"/full*
    watch_full &
    started=$(now_millis)
    create_many n1 "$share" &
    create_many n2 "$share" &
    wait_until $((40 + EACH_MAKES)) fulls_are $((2 * EACH_MAKES)) || fail "$(fulls) of $((2 * EACH_MAKES)) run: $(d service ls --format '{{.Name}} {{.Replicas}}' | grep 0/1 | head -n 5) $(cat "$RUN_DIR/full.errors")"
    note "two clients made $EACH_MAKES services each, all run after $(seconds $(($(now_millis) - started)))"
    starling lab kill n5 >/dev/null && starling lab start n5 >/dev/null || fail "n5 is not switched off and on"
    wait_until $((20 + EACH_MAKES / 2)) fulls_are $((2 * EACH_MAKES)) || fail "$(fulls) of $((2 * EACH_MAKES)) run after a power cut of n5"
    touch "$RUN_DIR/full.end"
    wait_until 10 test -e "$RUN_DIR/full.ended" || fail "the watch does not end"
    most=$(sort -n "$RUN_DIR/full.seen" | tail -n 1)
    note "most tasks at a time on one host: $most, of $(wc -l <"$RUN_DIR/full.seen") looks; room is for $FULL"
    ((most == FULL)) || fail "a host ran $most tasks, and has room for $FULL"
    d service ls -q --filter name=full- | xargs -n 50 docker -H "unix://$(socket_of n1)" service rm >/dev/null || fail "rm"
    wait_until $((20 + EACH_MAKES / 2)) fulls_are 0 || fail "$(fulls) are left"
}
FULL=$((2 * EACH_MAKES / NODES)) # so many of these tasks fill one host
create_many() { # NODE MEMORY
    local number
    for ((number = 1; number <= EACH_MAKES; number++)); do
        docker_on "$1" service create --detach --name "full-$1-$number" --reserve-memory "$2" --restart-delay 0s --stop-grace-period 1s busybox sleep 200000 >/dev/null 2>>"$RUN_DIR/full.errors"
    done
}
fulls_on() { in_host "$1" pgrep -c -f '^sleep 200000$'; }
fulls() { local node; for node in $(node_names); do ! host_is_up "$node" || fulls_on "$node"; done | awk '{sum += $1} END {print sum + 0}'; }
fulls_are() { (($(fulls) == $1)); }
watch_full() {
    local node
    until [[ -e $RUN_DIR/full.end ]] || ! kill -0 $$ 2>/dev/null; do
        # in a shell of its own, which ends where the power goes between the two
        for node in $(node_names); do (! host_is_up "$node" || fulls_on "$node") >>"$RUN_DIR/full.seen" 2>/dev/null; done
        sleep 0.05
    done
    touch "$RUN_DIR/full.ended"
}

what_would_be_is_said() {
    local socket file
    need_busybox
    socket=$(socket_of n1)
    d service create --detach --name seen --replicas 5 busybox sleep 1000 >/dev/null || fail "create"
    wait_until 20 runs seen 5 || fail "$(count_running seen) of 5 run"
    starling explain --socket "$socket" seen.1 | found 'has it: running' || fail "explain: $(starling explain --socket "$socket" seen.1 2>&1)"
    starling whatif --socket "$socket" --down n4 | found -E '^seen\.[1-5] +n4 +n[1235]$' || fail "whatif: $(starling whatif --socket "$socket" --down n4 2>&1)"
    file=$(mktemp --suffix .yml)
    printf 'services:\n  big: {image: busybox, deploy: {replicas: 2, resources: {reservations: {cpus: "4000"}}}}\n' >"$file"
    starling plan --socket "$socket" "$file" | found 'big.1 .*no suitable node: 5 lack CPU' || fail "plan: $(starling plan --socket "$socket" "$file" 2>&1)"
    rm -f "$file"
    d service rm seen >/dev/null || fail "rm"
}

update_state() { d service inspect "$1" --format '{{.UpdateStatus.State}}'; }
update_state_is() { [[ $(update_state "$1") == "$2" ]]; }
args_of() { d service inspect "$1" --format '{{join .Spec.TaskTemplate.ContainerSpec.Args " "}}'; }

history_is_kept_as_told() {
    expect_error "expected 0 to 100" d swarm update --task-history-limit 101
    d swarm update --task-history-limit 1 >/dev/null || fail "swarm update"
    [[ $(docker_on n2 info --format '{{.Swarm.Cluster.Spec.Orchestration.TaskHistoryRetentionLimit}}') == 1 ]] || fail "n2 has not heard of it"
    d service create --detach --name failing --restart-delay 100ms busybox false >/dev/null || fail "create"
    wait_until 20 attempts_of failing 4 || fail "it is not started again: $(tasks_text failing)"
    wait_until 10 few_are_kept || fail "more than one ended task is kept (beside one that is ending): $(tasks_text failing)"
    d swarm update --task-history-limit 5 >/dev/null && d service rm failing >/dev/null || fail "undo"
}
few_are_kept() { (($(d service ps -q failing | wc -l) <= 3)); }
SEEN_TASKS=''
attempts_of() { SEEN_TASKS=$({ say "$SEEN_TASKS"; d service ps -q "$1"; } | sort -u); (($(grep -c . <<<"$SEEN_TASKS") >= $2)); }

a_failed_update_is_rolled_back_by_nobody_in_particular() {
    local said
    need_busybox
    d service create --name roll --replicas 4 --update-failure-action rollback --update-monitor 2s --rollback-monitor 1s --stop-grace-period 1s \
        --restart-delay 1s busybox sleep 1000 >/dev/null || fail "create: $(tasks_text roll)"
    d service update --env-add A=1 roll >/dev/null || fail "update: $(update_state roll): $(tasks_text roll)"
    update_state_is roll completed || fail "a good update ends as $(update_state roll)"
    said=$(d service update --args 'sh -c "exit 3"' roll 2>&1)
    [[ $said == *'update rolled back due to failure or early termination of task '* ]] || fail "the bad update's progress says: $said"
    wait_until 20 update_state_is roll rollback_completed || fail "the bad update ends as $(update_state roll): $(tasks_text roll)"
    [[ $(args_of roll) == 'sleep 1000' ]] || fail "the service's arguments are $(args_of roll)"
    wait_until 20 runs roll 4 || fail "$(count_running roll) of 4 run: $(tasks_text roll)"
    [[ $(docker_on n2 service inspect roll --format '{{.UpdateStatus.Message}}') == 'rollback completed' ]] || fail "n2: $(docker_on n2 service inspect roll)"
    expect_error 'does not have a previous spec' d service rollback roll
    d service rm roll >/dev/null || fail "rm"
}

a_failed_update_pauses_and_goes_on_when_told() {
    need_busybox
    d service create --name halt --replicas 3 --update-monitor 2s --rollback-monitor 1s --stop-grace-period 1s --restart-delay 1s busybox sleep 1000 \
        >/dev/null || fail "create: $(tasks_text halt)"
    expect_error 'service update paused: update paused due to failure or early termination of task [a-z0-9]{25}' \
        d service update --args nosuchcommand halt
    update_state_is halt paused || fail "it is $(update_state halt)"
    d service rollback halt >/dev/null 2>&1 || fail "rollback: $(update_state halt): $(tasks_text halt)"
    update_state_is halt rollback_completed || fail "after the rollback it is $(update_state halt)"
    [[ $(args_of halt) == 'sleep 1000' ]] || fail "the service's arguments are $(args_of halt)"
    wait_until 20 runs halt 3 || fail "$(count_running halt) of 3 run: $(tasks_text halt)"
    d service rm halt >/dev/null || fail "rm"
}

# Each task is busy for its first half minute, so load adds tasks until there are three, and takes them away again.
load_decides_how_many_run() {
    local node
    need_busybox
    expect_error 'starling.autoscale.max: is missing' d service create --label starling.autoscale.cpu=50 busybox sleep 1
    d service create --detach --name busy --label starling.autoscale.max=3 --label starling.autoscale.cpu=50 --label starling.autoscale.cooldown=4s \
        --limit-cpu 0.1 --stop-grace-period 1s busybox sh -c 'timeout 180 sh -c "while :; do :; done"; exec sleep 1000' >/dev/null || fail "create"
    wait_until 30 replicas_are busy 3/3 || fail "under load it has $(replicas_of busy): $(explained busy.1)"
    explained busy.1 | found '^autoscale 1 to 3: cpu at [0-9]* % of what is wanted' || fail "explain: $(explained busy.1)"
    for node in $(node_names); do in_host "$node" pkill -f '^sh -c while'; done
    wait_until 60 replicas_are busy 1/1 || fail "without load it has $(replicas_of busy): $(explained busy.1)"
    d service rm busy >/dev/null || fail "rm"
}
replicas_are() { [[ $(replicas_of "$1") == "$2" ]]; }
explained() { starling explain --socket "$(socket_of n1)" "$1" 2>&1; }

an_agent_restart_adopts_its_containers() {
    local before tasks
    before=$(sleepers_on n4)
    tasks=$(docker_on n4 ps -q --no-trunc | sort)
    (($(wc -l <<<"$before") >= 8)) || fail "n4 has $(wc -l <<<"$before") containers"
    starling lab kill n4 --agent >/dev/null || fail "kill --agent"
    [[ $(sleepers_on n4) == "$before" ]] || fail "containers ended with their agent"
    starling lab start n4 >/dev/null || fail "start"
    wait_until 20 all_ready || fail "n4 is not ready again: $(d node ls 2>&1)"
    wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run"
    [[ $(docker_on n4 ps -q --no-trunc | sort) == "$tasks" ]] || fail "docker ps names other containers than before"
    [[ $(sleepers_on n4) == "$before" ]] || fail "the processes are not the same as before"
}

registry_config() { printf 'version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' "$DATA_DIR/registry" "$1"; }

# fill_registry COMMAND...: runs COMMAND with the registry's address as its last argument. The lab's hosts have no way to Debian's
# mirrors, so the registry's content is made outside: same files, another address.
fill_registry() {
    local pid
    require_registry
    registry_config 127.0.0.1:5055 >"$RUN_DIR/registry-outside.yml"
    docker-registry serve "$RUN_DIR/registry-outside.yml" </dev/null >"$RUN_DIR/registry.log" 2>&1 9>&- &
    pid=$!
    wait_until 10 curl -sf -o /dev/null http://127.0.0.1:5055/v2/ || fail "docker-registry: $(tail -n 2 "$RUN_DIR/registry.log")"
    "$@" 127.0.0.1:5055 >"$RUN_DIR/image.log" 2>&1 || fail "no image: $(tail -n 2 "$RUN_DIR/image.log")"
    kill "$pid"
    wait "$pid" 2>/dev/null
}
closed_image() { "$ROOT_DIR/deploy/images/build-debian-image.sh" busybox-static "$1/closed:latest" /bin/busybox ash; }
busybox_image() { # once a lab
    [[ -d $DATA_DIR/registry/docker/registry/v2/repositories/busybox ]] || "$ROOT_DIR/deploy/images/build-debian-image.sh" busybox-static "$1/busybox:latest" /bin/busybox sh
}

# Runs in n1 until the check ends, however it ends.
start_registry() {
    registry_config ":5000" >"$RUN_DIR/registry.yml"
    in_host n1 "$(command -v docker-registry)" serve "$RUN_DIR/registry.yml" </dev/null >"$RUN_DIR/registry.log" 2>&1 9>&- &
    registry_pid=$!
    trap stop_registry EXIT
    wait_until 10 registry_answers || fail "docker-registry: $(tail -n 2 "$RUN_DIR/registry.log")"
}
stop_registry() { in_host n1 pkill -x -f "$(command -v docker-registry) serve .*"; wait "$registry_pid" 2>/dev/null; }
registry_answers() { in_host n1 curl -sf "http://$(address_of n1):5000/v2/" >/dev/null; }
served_to_peers() {
    local node bytes=0
    for node in $(node_names); do
        bytes=$((bytes + $(in_host "$node" curl -s http://127.0.0.1:9323/metrics | awk '/^starling_image_bytes_served/ {bytes = $2} END {printf "%d", bytes}')))
    done
    echo "$bytes"
}

images_come_from_a_registry() {
    local registry before pinned pulled
    registry=$(address_of n1):5000
    fill_registry busybox_image
    start_registry
    pulled=$(d pull "$registry/busybox" 2>&1)
    [[ $pulled == *'Downloaded newer image'* ]] || fail "docker pull: $pulled"
    pulled=$(d pull "$registry/busybox" 2>&1)
    [[ $pulled == *'Image is up to date'* ]] || fail "the second docker pull: $pulled"
    expect_error 'manifest unknown' d pull "$registry/nothing"
    d service create --name pulled --update-monitor 500ms --replicas 5 "$registry/busybox" sleep 1000 >/dev/null || fail "create: $(tasks_text pulled)"
    pinned=$(d service inspect pulled --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}')
    [[ $pinned == *@sha256:* ]] || fail "the image is not pinned: $pinned"
    (($(served_to_peers) > 100000)) || fail "nodes fetched $(served_to_peers) bytes from each other"
    d service create --detach --name wrong "$registry/nothing" true >/dev/null 2>&1 || fail "create of a wrong name"
    wait_until 20 failed_for wrong 'No such image: .*/nothing:latest \(manifest for .* not found' || fail "no clear message: $(tasks_text wrong)"
    d service rm wrong pulled >/dev/null || fail "rm"
    # with the registry gone a node without the image has it from the others
    wait_until 20 no_task_of_pulled || fail "tasks are still there"
    docker_on n5 rmi -f "$pinned" | grep Deleted >/dev/null || fail "rmi"
    stop_registry
    trap - EXIT
    before=$(served_to_peers)
    d service create --name pulled --update-monitor 500ms --constraint node.hostname==n5 "$pinned" sleep 1000 >/dev/null || fail "create without the registry: $(tasks_text pulled)"
    (($(served_to_peers) > before)) || fail "n5 has it from nobody"
    d service rm pulled >/dev/null || fail "rm"
}
no_task_of_pulled() { ! docker_on n5 ps --format '{{.Image}}' | found ":5000/busybox"; }

# An image that no node has: busybox, and beside it what does not compress, so that the download takes a moment. Made like the others, by hand.
once_image() { NOISE_MEGABYTES=24 "$ROOT_DIR/deploy/images/build-debian-image.sh" busybox-static "$1/once:latest" /bin/busybox sh; }

# All five nodes start it at the same moment; the registry's own log says what it was asked for.
a_site_downloads_an_image_once() {
    local registry more blobs pinned node
    registry=$(address_of n1):5000
    fill_registry once_image
    start_registry
    d service create --name once --update-monitor 500ms --mode global "$registry/once" sleep 1000 >/dev/null || fail "create: $(tasks_text once)"
    wait_until 20 runs once 5 || fail "not on all nodes: $(tasks_text once)"
    blobs=$(grep -o '"GET /v2/once/[a-z]*/sha256:[0-9a-f]*' "$RUN_DIR/registry.log" | sort | uniq -c)
    more=$(awk '$1 > 1' <<<"$blobs")
    [[ -z $more ]] || fail "asked for more than once: $more"
    (($(wc -l <<<"$blobs") >= 3)) || fail "a manifest, a config and a layer at least, not: $blobs"
    pinned=$(d service inspect once --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}')
    d service rm once >/dev/null || fail "rm"
    for node in $(node_names); do
        wait_until 15 forgets "$node" "$pinned" || fail "$node does not remove the image: $(docker_on "$node" rmi "$pinned" 2>&1)"
    done
}
forgets() { docker_on "$1" rmi "$2" >/dev/null 2>&1; }

# The registry lets nobody in but edge; the password's hash is bcrypt's, as docker-registry wants it.
credentials_of_a_registry_go_with_a_service() {
    local registry config uid found
    registry=$(address_of n1):5000
    fill_registry closed_image # one that no node has yet, else it comes from a neighbour and nobody asks for credentials
    registry_config ":5000" >"$RUN_DIR/registry.yml"
    # shellcheck disable=SC2016  # no variables: a hash
    echo 'edge:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK' >"$RUN_DIR/htpasswd"
    printf 'auth: {htpasswd: {realm: lab, path: %s}}\n' "$RUN_DIR/htpasswd" >>"$RUN_DIR/registry.yml"
    in_host n1 "$(command -v docker-registry)" serve "$RUN_DIR/registry.yml" </dev/null >"$RUN_DIR/registry.log" 2>&1 9>&- &
    registry_pid=$!
    config=$(mktemp -d)
    trap 'stop_registry; rm -rf "$config"' EXIT
    wait_until 10 registry_asks || fail "docker-registry: $(tail -n 2 "$RUN_DIR/registry.log")"
    export DOCKER_CONFIG=$config
    expect_error 'unauthorized' sh -c "printf wrong | docker -H unix://$(socket_of n1) login -u edge --password-stdin $registry"
    printf s3cret | d login -u edge --password-stdin "$registry" >/dev/null 2>&1 || fail "docker login"
    d service create --detach --name closed --constraint node.hostname==n4 "$registry/closed" sleep 1000 >/dev/null || fail "create without credentials"
    wait_until 20 failed_for closed 'pull access denied' || fail "n4 pulls without credentials: $(tasks_text closed)"
    timeout "$DOCKER_LIMIT" docker -H "unix://$(socket_of n1)" service create --with-registry-auth --name open --update-monitor 500ms --constraint node.hostname==n4 "$registry/closed" sleep 1000 \
        >/dev/null || fail "n4, a worker, cannot pull: $(tasks_text open)"
    uid=$(d service inspect open --format '{{.ID}}')
    compgen -G "$DATA_DIR/n4/swarm/secrets/$uid*" >/dev/null || fail "n4 does not hold them for a time without managers"
    compgen -G "$DATA_DIR/n5/swarm/secrets/$uid*" >/dev/null && fail "n5 has no task of it, and holds the credentials"
    found=$(grep -rlaF -e s3cret -e "$(printf '"password":"s3cret"' | base64 | cut -c1-20)" "$DATA_DIR" "$LOG_DIR")
    [[ -z $found ]] || fail "the password is in plain in: $found"
    d service rm closed open >/dev/null || fail "rm"
}
registry_asks() { [[ $(in_host n1 curl -s -o /dev/null -w '%{http_code}' "http://$(address_of n1):5000/v2/") == 401 ]]; }

images_are_saved_and_tidied_up() {
    local archive id pruned
    need_busybox
    archive=$(mktemp)
    id=$(d image inspect busybox --format '{{.Id}}')
    d tag busybox keep:1 && d save -o "$archive" busybox keep:1 || fail "docker save"
    [[ $(tar -tf "$archive") == *manifest.json* ]] || fail "no manifest.json in: $(tar -tf "$archive")"
    if command -v skopeo >/dev/null; then
        skopeo inspect "docker-archive:$archive:keep:1" >/dev/null || fail "skopeo cannot read it"
    fi
    docker_on n5 rmi -f "$(docker_on n5 image ls -aq)" >/dev/null 2>&1
    [[ $(docker_on n5 load -i "$archive" 2>&1) == *'Loaded image: keep:1'* ]] || fail "n5 cannot load it"
    [[ $(docker_on n5 image inspect keep:1 --format '{{.Id}}') == "$id" ]] || fail "another image came out"
    rm -f "$archive"
    d rmi keep:1 >/dev/null || fail "rmi"
    d service create --name user --stop-grace-period 1s --update-monitor 500ms --constraint node.hostname==n5 --mount type=volume,source=kept,target=/data \
        keep:1 sh -c 'head -c 100000 /dev/zero >/data/zeros; exec sleep 1000' >/dev/null 2>&1 || fail "create: $(tasks_text user)"
    docker_on n5 volume create loose >/dev/null || fail "volume create"
    pruned=$(docker_on n5 system prune -af 2>&1) || fail "system prune: $pruned"
    [[ -n $(docker_on n5 image ls -q keep) ]] || fail "an image was pruned that a container uses: $pruned"
    pruned=$(docker_on n5 volume prune -af 2>&1)
    [[ $(docker_on n5 volume ls -q) == kept ]] || fail "volume prune: $pruned; left: $(docker_on n5 volume ls -q)"
    [[ $(docker_on n5 system df) =~ Local\ Volumes\ +1\ +1\ +100kB ]] || fail "system df: $(docker_on n5 system df)"
    expect_error 'volume is in use' docker_on n5 volume rm kept
    d service rm user >/dev/null || fail "rm"
    wait_until 20 is_unused_on_n5 keep:1 || fail "n5: $(docker_on n5 ps -a)"
    # The tasks of fifty, where that is up, use the same image.
    [[ -n $(docker_on n5 ps -q) ]] || wait_until 20 prunes_on_n5 "$id" || fail "the unused image was not pruned: $(docker_on n5 image ls)"
    docker_on n5 volume rm kept >/dev/null || fail "volume rm"
    starling lab image load busybox:latest >/dev/null || fail "load"
}
is_unused_on_n5() { [[ $(docker_on n5 ps -a --format '{{.Image}}') != *"$1"* ]]; }

prunes_on_n5() { [[ $(docker_on n5 image prune -af 2>&1) == *"$1"* ]]; }

events_are_told() {
    local begin told
    need_busybox
    begin=$(date +%s)
    d service create --name told --stop-grace-period 1s --update-monitor 500ms --constraint node.hostname==n5 busybox sleep 1000 >/dev/null || fail "create: $(tasks_text told)"
    d service rm told >/dev/null || fail "rm"
    wait_until 20 n5_told "$begin" 'container destroy' || fail "n5: $(docker_on n5 events --since "$begin" --until 0s)"
    wait_until 20 n5_told "$begin" 'service remove' || fail "n5: $(docker_on n5 events --since "$begin" --until 0s)"
    told=$(docker_on n5 events --since "$begin" --until 0s --format '{{.Type}} {{.Action}}' | sort -u | paste -sd,)
    [[ $told == *'container create,container destroy,container die,container start'*'service create,service remove'* ]] || fail "n5 tells: $told"
    [[ $(d events --since "$begin" --until 0s --filter service=told --format '{{.Action}}' | paste -sd,) == create,remove ]] || fail "n1 tells something else"
}
n5_told() { [[ $(docker_on n5 events --since "$1" --until 0s --format '{{.Type}} {{.Action}}') == *"$2"* ]]; }

api() { curl -sS --max-time 20 --unix-socket "$(socket_of n1)" -o /dev/null -w '%{http_code}' "$@"; }
api_message() { curl -sS --max-time 20 --unix-socket "$(socket_of n1)" "$@"; }
failed_for() { d service ps "$1" --no-trunc --format '{{.Error}}' 2>/dev/null | found -iE "$2"; }

bad_input_gets_a_clear_error() {
    local code
    d service create --detach --name ghost nosuchimage:none >/dev/null 2>&1 || fail "a service of an unknown image is accepted by Docker, too"
    wait_until 30 failed_for ghost 'no such image' || fail "unknown image: $(tasks_text ghost)"
    d service create --detach --name nowhere --constraint node.labels.planet==mars busybox sleep 1 >/dev/null || fail "create nowhere"
    wait_until 20 failed_for nowhere 'no suitable node|constraint' || fail "impossible constraint: $(tasks_text nowhere)"
    d service create --detach --name first-port --publish 8099:80 busybox sleep 100 >/dev/null || fail "create first-port"
    expect_error "port '8099' is already in use by service 'first-port'" d service create --detach --name second-port --publish 8099:80 busybox sleep 100
    expect_error 'already|exists|conflict' d service create --detach --name fifty busybox sleep 1
    expect_error 'not found|no such' d service ps no-such-service
    code=$(api -X POST -H 'Content-Type: application/json' -d '{"Name": ' http://docker/v1.41/services/create)
    ((code == 400)) || fail "malformed JSON: $code"
    api_message -X POST -H 'Content-Type: application/json' -d '{"Name": ' http://docker/v1.41/services/create | found '"message"' || fail "malformed JSON: no message"
    code=$(head -c 64000000 /dev/zero | tr '\0' ' ' | api -X POST -H 'Content-Type: application/json' -H 'Expect:' --data-binary @- http://docker/v1.41/services/create 2>/dev/null)
    ((code == 413)) || fail "a body of 64 MB: $code"
    d service rm ghost nowhere >/dev/null || fail "rm"
    d service rm first-port >/dev/null 2>&1
    # A wrong token, on a node that is in no cluster.
    docker_on n5 swarm leave --force >/dev/null || fail "n5 cannot leave"
    expect_error 'token' docker_on n5 swarm join --token SWMTKN-1-0000000000000000000000000000000000000000000000000-0000000000000000000000000 10.88.0.11:2377
    expect_error 'token' docker_on n5 swarm join --token nonsense 10.88.0.11:2377
    docker_on n5 swarm join --token "$(d swarm join-token -q worker)" --advertise-addr 10.88.0.15 10.88.0.11:2377 >/dev/null || fail "n5 cannot join again"
    # n5's former self stays in the list as Down, as with Docker, until it is removed.
    wait_until 20 removes_former_self_of_n5 || fail "n5 is not back: $(d node ls 2>&1)"
    wait_until 30 runs fifty 50 || fail "$(count_running fifty) of 50 run after all that: $(tasks_text fifty)"
}
removes_former_self_of_n5() {
    d node ls --format '{{.ID}} {{.Hostname}} {{.Status}}' | awk '$2 == "n5" && $3 == "Down" {print $1}' | xargs -r -n 1 timeout 60 docker -H "unix://$(socket_of n1)" node rm --force >/dev/null 2>&1
    all_ready && (($(d node ls -q | wc -l) == 5))
}

garbage_on_the_ports_kills_nothing() {
    local port before
    before=$(in_host n1 stat -c %Y "/proc/$(agent_of n1)")
    for port in 7946 2377; do
        in_host n2 timeout 10 bash -c "head -c 300000 /dev/urandom >/dev/tcp/10.88.0.11/$port" 2>/dev/null
        in_host n2 timeout 10 bash -c "printf 'GET / HTTP/1.0\r\n\r\n' >/dev/tcp/10.88.0.11/$port" 2>/dev/null
        in_host n2 timeout 10 bash -c "head -c 1400 /dev/urandom >/dev/udp/10.88.0.11/$port" 2>/dev/null
    done
    docker_answers n1 || fail "n1 does not answer any more"
    in_host n1 curl -sS --max-time 10 http://127.0.0.1:9323/metrics | grep -E '^starling_transport_refused_handshakes_total\{.*reason="not_tls".*\} [1-9]' >/dev/null \
        || fail "the garbage is not counted"
    [[ $(in_host n1 stat -c %Y "/proc/$(agent_of n1)") == "$before" ]] || fail "the agent of n1 is another one"
    wait_until 20 all_ready || fail "not all ready: $(d node ls 2>&1)"
    wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run"
}

SECRET_VALUE=plover-xyzzy-4711
SECRET_SUM=$(printf %s "$SECRET_VALUE" | sha256sum)
need_busybox() { [[ -n $(d image ls -q busybox) ]] || starling lab image load busybox:latest >/dev/null || fail "no image"; }
says() { [[ $(d service logs "$1" 2>/dev/null) == *"$2"* ]]; }

# The value is never printed: it would be in the container's log, on a disk.
secrets_and_configs_reach_their_tasks() {
    local directory
    need_busybox
    printf %s "$SECRET_VALUE" | d secret create --label tier=db password - >/dev/null || fail "secret create"
    printf 'colour=blue\n' | d config create colours - >/dev/null || fail "config create"
    printf '{{.Service.Name}} at {{.Node.Hostname}}, {{env "TIER"}}: {{secret "password"}}' | d config create --template-driver golang site - >/dev/null || fail "config create --template-driver"
    expect_error 'line 1' d config create --template-driver golang odd - <<<'{{range .x}}'
    [[ $(d secret ls --filter label=tier=db --format '{{.Name}}') == password ]] || fail "secret ls: $(d secret ls 2>&1)"
    [[ $(d config inspect --format '{{printf "%s" .Spec.Data}}' colours) == 'colour=blue' ]] || fail "config inspect: $(d config inspect colours 2>&1)"
    expect_error 'already exists' d secret create password "$ROOT_DIR/README.md"
    expect_error 'secret not found' d service create --detach --secret nosuch busybox sleep 1
    d service create --detach --name keeper --constraint node.hostname==n4 --secret password \
        --secret source=password,target=/etc/key,uid=7,gid=8,mode=0440 --config source=colours,target=/etc/colours --env TIER=gold --config source=site,target=/etc/site \
        busybox sh -c 'sha256sum </run/secrets/password; stat -c "key %a %u:%g %F" /etc/key; cat /etc/colours; [ "$(cat /etc/site)" = "keeper at n4, gold: $(cat /run/secrets/password)" ] && echo filled in; (echo x >/etc/key) 2>&1; exec sleep 100000' >/dev/null \
        || fail "service create"
    wait_until 20 says keeper 'colour=blue' || fail "n4, a worker, has no secret: $(tasks_text keeper); $(d service logs keeper 2>&1)"
    says keeper "$SECRET_SUM" || fail "another value arrived: $(d service logs keeper 2>&1)"
    says keeper 'key 440 7:8 regular file' || fail "owner or mode: $(d service logs keeper 2>&1)"
    wait_until 5 says keeper 'filled in' || fail "the template is not filled in: $(d service logs keeper 2>&1)"
    wait_until 5 says keeper 'Read-only file system' || fail "it can be written: $(d service logs keeper 2>&1)"
    expect_error "secret 'password' is in use by the following service: keeper" d secret rm password
    expect_error "config 'colours' is in use by the following service: keeper" d config rm colours
    nothing_in_plain
    directory=$(mktemp -d)
    printf 'services:\n  web:\n    image: busybox\n    command: sh -c "sha256sum </run/secrets/db; exec sleep 100000"\n    secrets: [db]\nsecrets:\n  db: {file: ./db}\n' \
        >"$directory/compose.yml"
    printf %s "$SECRET_VALUE" >"$directory/db"
    d stack deploy --detach=true --resolve-image never -c "$directory/compose.yml" st >/dev/null || fail "stack deploy"
    wait_until 20 says st_web "$SECRET_SUM" || fail "the stack's secret: $(tasks_text st_web); $(d service logs st_web 2>&1)"
    rm -r "$directory"
    d stack rm st >/dev/null || fail "stack rm"
    d service rm keeper >/dev/null || fail "service rm"
    d secret rm password >/dev/null && d config rm colours site >/dev/null || fail "rm"
}
nothing_in_plain() {
    local form found
    for form in "$SECRET_VALUE" "$(printf %s "$SECRET_VALUE" | base64)"; do
        found=$(grep -rlaF -- "$form" "$DATA_DIR" "$LOG_DIR" "$RUN_DIR")
        [[ -z $found ]] || fail "the secret is in plain in: $found"
    done
}

an_exclusive_task_has_its_token() {
    need_busybox
    d service create --detach --name db --label starling.partition=exclusive --env X=1 busybox sh -c 'echo "token=$STARLING_FENCING_TOKEN"; sleep 3600' >/dev/null || fail "create"
    wait_until 40 says db 'token=1' || fail "no token within 40 s: $(tasks_text db)"
    expect_error "cannot change from exclusive to both" d service update --label-rm starling.partition db
    expect_error "there is no such label" d service create --label starling.nonsense=1 busybox
    d service rm db >/dev/null || fail "rm"
}

# A service with one task on n1, and its container: on_n1 NAME OPTION... -- IMAGE COMMAND...
on_n1() {
    local name=$1
    shift
    d image inspect busybox:latest >/dev/null 2>&1 || starling lab image load busybox:latest >/dev/null || fail "no image"
    d service create --detach --name "$name" --constraint node.hostname==n1 "$@" >/dev/null || fail "create $name"
    wait_until 20 has_container "$name" || fail "$name has no container: $(tasks_text "$name")"
}
container_of() { d ps -q --filter "label=com.docker.swarm.service.name=$1" | head -n 1; }
has_container() { [[ -n $(container_of "$1") ]]; }

exec_reaches_into_a_container() {
    local id output status
    on_n1 inner --env GREETING=hello --user 11:22 --group 33 busybox sleep 100000
    id=$(container_of inner)
    output=$(d exec "$id" sh -c 'echo $GREETING; echo wrong >&2; exit 7' 2>/dev/null)
    status=$?
    [[ $status == 7 && $output == hello ]] || fail "exec: exit code $status, output '$output'"
    output=$(seq 1 50000 | d exec -i "$id" sh -c 'wc -l; echo after') || fail "exec -i: $?"
    [[ $(tr -d ' \n' <<<"$output") == 50000after ]] || fail "input of exec -i: '$output'"
    output=$(d exec "$id" sh -c 'sleep 0.5; head -c 5000000 /dev/zero' | wc -c) # long after the client has ended its side
    ((output == 5000000)) || fail "of 5000000 bytes $output came"
    # a terminal is given with a client that has one
    output=$(script -qec "stty rows 33 cols 77; docker -H unix://$(socket_of n1) exec -it $id sh -c 'stty size; exit 4'" /dev/null </dev/null)
    status=$?
    [[ $status == 4 && $output == *'33 77'* ]] || fail "exec -it: exit code $status, output '$output'"
    [[ $(d exec "$id" id -u) == 11 && $(d exec "$id" id -G) == '22 33' && $(d exec -u 0 "$id" id -u) == 0 ]] || fail "user: $(d exec "$id" id)"
    expect_error 'executable file not found' d exec "$id" nosuchprogram
    d exec -d "$id" touch /tmp/detached && wait_until 10 d exec "$id" test -e /tmp/detached || fail "exec -d"
    d top "$id" | found 'sleep 100000' || fail "top: $(d top "$id" 2>&1)"
    d stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' "$id" | found -E '^1 [0-9.]+[KM]iB / ' || fail "stats: $(d stats --no-stream "$id" 2>&1)"
    d pause "$id" >/dev/null && [[ $(d inspect --format '{{.State.Status}}' "$id") == paused ]] || fail "pause"
    expect_error 'is paused' d exec "$id" true
    d unpause "$id" >/dev/null && d exec "$id" true || fail "unpause"
    d service rm inner >/dev/null
}

a_service_can_be_attached_to() {
    local id output
    on_n1 stage busybox sh -c 'while sleep 0.1; do echo tick; done'
    id=$(container_of stage)
    output=$(timeout 60 docker -H "unix://$(socket_of n1)" attach --no-stdin --sig-proxy=false "$id" | head -n 3)
    [[ $output == $'tick\ntick\ntick' ]] || fail "attach: '$output'"
    [[ $(d inspect --format '{{.State.Running}}' "$id") == true ]] || fail "it ended with its spectator"
    d service rm stage >/dev/null
}

# A terminal of 33 rows and 77 columns in which a docker command of a node runs: at_terminal NODE ARGUMENT... It goes on until the command ends, or is killed after three minutes.
at_terminal() {
    TERMINAL=$(mktemp -d -p "$RUN_DIR" terminal.XXXXXX)
    mkfifo "$TERMINAL/keys"
    # the CLI itself waits for the container's end once it got a SIGTERM
    script -qfec "stty rows 33 cols 77; tty >$TERMINAL/tty; timeout --foreground --signal=KILL 180 docker -H unix://$(socket_of "$1") ${*:2}; echo ended with \$?" /dev/null \
        <"$TERMINAL/keys" >"$TERMINAL/screen" 2>&1 &
    exec 8>"$TERMINAL/keys"
}
types() { printf "$1" >&8; }
on_screen() { found -- "$1" <"$TERMINAL/screen"; }
sees() { wait_until 10 on_screen "$1" || fail "no '$1' at the terminal: $(od -c "$TERMINAL/screen" | tail -n 20)"; }
ends_by_ctrl_c() { on_screen 'ended with' || { types '\003'; false; }; }
resized_to() { stty -F "$(<"$TERMINAL/tty")" rows "$1" cols "$2" || fail "no stty"; }
on_n5() { docker_on n5 ps -q --filter label=com.docker.swarm.service.name="$1"; }
is_on_n5() { [[ -n $(on_n5 "$1") ]]; }
log_shows() { docker_on n5 logs "$1" 2>/dev/null | found -- "$2"; }

a_service_has_a_terminal() {
    local script screen shell
    docker_on n5 image inspect busybox:latest >/dev/null 2>&1 || starling lab image load busybox:latest >/dev/null || fail "no image"
    script="trap 'echo size \$(stty size)' WINCH; trap 'echo hung up' HUP; echo on \$(tty); while sleep 0.1; do echo tick; done"
    d service create --detach --tty --name screen --constraint node.hostname==n5 busybox sh -c "$script" >/dev/null || fail create
    # only a stack can open the input
    printf 'services:\n  shell: {image: busybox, command: sh, tty: true, stdin_open: true, deploy: {placement: {constraints: [node.hostname==n5]}}}\n' >"$RUN_DIR/term.yml"
    d stack deploy --detach=true --resolve-image never -c "$RUN_DIR/term.yml" term >/dev/null || fail "stack deploy"
    wait_until 20 is_on_n5 screen && wait_until 20 is_on_n5 term_shell || fail "no containers: $(tasks_text screen; tasks_text term_shell)"
    screen=$(on_n5 screen) shell=$(on_n5 term_shell)
    wait_until 10 log_shows "$screen" 'on /dev/pts/0' || fail "logs: $(docker_on n5 logs "$screen" 2>&1 | head -n 5)"
    d service logs --raw --tail 1 screen | found $'tick\r' || fail "service logs: $(d service logs --raw --tail 1 screen 2>&1 | od -c | head)"

    at_terminal n5 attach "$screen"
    sees 'size 33 77'
    resized_to 40 100
    sees 'size 40 100'
    # without an input there are no keys to detach: the CLI ends at the third ctrl-c, and the container notices nothing
    wait_until 10 ends_by_ctrl_c || fail "attach does not end by ctrl-c"

    starling lab kill n5 --agent >/dev/null && starling lab start n5 >/dev/null && wait_until 20 all_ready || fail "n5 does not come back"
    [[ $(on_n5 screen) == "$screen" && $(on_n5 term_shell) == "$shell" ]] || fail "the next agent did not adopt them: $(tasks_text screen; tasks_text term_shell)"
    at_terminal n5 attach "$shell"
    types 'echo typed $((6 * 7)) on $(tty) of $(stty size)\r'
    sees 'typed 42 on /dev/pts/0 of 33 77'
    types '\020\021'
    sees 'read escape sequence'
    sees 'ended with'
    at_terminal n5 attach --detach-keys=ctrl-x "$shell"
    types '\030'
    sees 'read escape sequence'
    at_terminal n5 exec -it "$shell" sh
    sees '/ #'
    types 'echo added at $(stty size)\r'
    sees 'added at 33 77'
    resized_to 40 100
    types 'echo now at $(stty size); exit 5\r'
    sees 'now at 40 100'
    sees 'ended with 5'
    at_terminal n5 exec -it "$shell" sh
    sees '/ #'
    types '\020\021'
    sees 'read escape sequence'
    [[ $(on_n5 screen) == "$screen" && $(on_n5 term_shell) == "$shell" ]] || fail "one ended with a client that left: $(tasks_text screen; tasks_text term_shell)"
    ! log_shows "$screen" 'hung up' || fail "the terminal was hung up with the agent"
    d service rm screen >/dev/null && d stack rm term >/dev/null || fail rm
}

rented_on_n5() { docker_on n5 ps -q --filter label=com.docker.swarm.service.name=rented | found .; }
restart_n5() {
    starling lab kill n5 --agent >/dev/null && LAB_RUNTIME=$1 starling lab start n5 >/dev/null && wait_until 20 all_ready || fail "n5 does not come back with runtime $1: $(tail -n 2 "$(log_of n5)")"
}
a_node_may_use_an_oci_runtime() {
    local id output
    PATH=$PATH:/usr/sbin:/sbin command -v crun >/dev/null || skip "the package crun is not installed"
    restart_n5 crun
    [[ $(docker_on n5 info --format '{{.DefaultRuntime}}') == crun ]] || fail "docker info: $(docker_on n5 info 2>&1 | grep -i runtime)"
    d service create --detach --name rented --constraint node.hostname==n5 --env GREETING=hello --publish 8099:80 busybox \
        sh -c 'mkdir /w; echo served >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null || fail create
    wait_until 30 rented_on_n5 || fail "no container: $(tasks_text rented)"
    id=$(docker_on n5 ps -q --filter label=com.docker.swarm.service.name=rented)
    output=$(docker_on n5 exec "$id" sh -c 'echo $GREETING; exit 7')
    [[ $? == 7 && $output == hello ]] || fail "exec: '$output'"
    wait_until 10 eval '[[ $(in_host n2 curl -s http://127.0.0.1:8099/) == served ]]' || fail "its published port does not answer"
    restart_n5 native
    [[ $(docker_on n5 ps -q --filter label=com.docker.swarm.service.name=rented) == "$id" ]] || fail "the next agent did not adopt it"
    d service rm rented >/dev/null
}

health_decides_what_runs() {
    local id
    on_n1 patient --health-cmd 'test -e /tmp/well' --health-interval 200ms --health-start-period 60s --health-start-interval 200ms --health-retries 2 \
        --restart-condition none busybox sleep 100000
    id=$(container_of patient)
    wait_until 10 status_has "$id" 'health: starting' || fail "ps: $(d ps)"
    wait_until 20 task_is patient Starting || fail "it counts as running before it is healthy: $(tasks_text patient)"
    d exec "$id" touch /tmp/well || fail exec
    wait_until 10 task_is patient Running || fail "it is healthy and does not run: $(tasks_text patient)"
    status_has "$id" '(healthy)' || fail "ps: $(d ps)"
    d exec "$id" rm /tmp/well || fail exec
    wait_until 25 task_is patient Failed || fail "it is unhealthy and has not failed: $(tasks_text patient)"
    wait_until 20 failed_for patient 'unhealthy container' || fail "$(tasks_text patient)"
    d service rm patient >/dev/null
}
task_is() { [[ $(d service ps "$1" --format '{{.CurrentState}}' | head -n 1) == "$2 "* ]]; }
status_has() { [[ $(d ps -a --filter "id=$1" --format '{{.Status}}') == *"$2"* ]]; }

options_reach_the_container() {
    local id output
    on_n1 opted --ulimit nofile=123:456 --oom-score-adj 77 --cap-drop ALL --cap-add NET_RAW --sysctl net.ipv4.ip_default_ttl=33 --hostname 'h-{{.Task.Slot}}' --host other:10.1.1.1 --dns 10.2.2.2 --dns-search lan --dns-option ndots:3 --read-only --limit-pids 44 \
        --mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=0700 --mount type=volume,source=opted,target=/v --mount type=volume,target=/anonymous \
        --log-driver local --log-opt max-size=1m busybox sleep 100000
    id=$(container_of opted)
    output=$(d exec "$id" sh -c 'ulimit -Sn; ulimit -Hn; cat /proc/1/oom_score_adj; grep CapBnd /proc/1/status; cat /proc/sys/net/ipv4/ip_default_ttl; hostname; grep other /etc/hosts; cat /etc/resolv.conf; touch /x 2>&1; grep -cE " /(t|v|anonymous) " /proc/self/mountinfo' | tr '\n' '|')
    [[ $output == '123|456|77|CapBnd:'*'0000000000002000|33|h-1|10.1.1.1'*'other|nameserver 10.2.2.2|search lan|options ndots:3|touch: /x: Read-only file system|3|' ]] \
        || fail "in the container: $output"
    d service rm opted >/dev/null
    expect_error 'Unknown healthcheck|health' d service create --detach --health-cmd x --no-healthcheck busybox
}

volumes_bring_their_file_systems() {
    local id output name
    d volume create --label shelf=a -o type=tmpfs -o device=tmpfs -o o=size=3m,uid=1000 scratch >/dev/null || fail "volume create"
    on_n1 scratcher --stop-grace-period 1s --mount type=volume,source=scratch,target=/s \
        --mount 'type=volume,source=made,target=/m,volume-driver=local,volume-label=by=service,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=2m,nosuid"' \
        busybox sleep 100000
    id=$(container_of scratcher)
    output=$(d exec "$id" sh -c 'df -k /s /m | awk "NR > 1 {print \$2}"; stat -c %u /s; grep -c " /m rw,nosuid" /proc/self/mountinfo' | tr '\n' '|')
    [[ $output == '3072|2048|1000|1|' ]] || fail "in the container: $output"
    output=$(d volume inspect made --format '{{.Driver}} {{.Options.o}} {{.Labels.by}}')
    [[ $output == 'local size=2m,nosuid service' ]] || fail "inspect: $output"
    expect_error 'volume is in use' d volume rm scratch
    expect_error 'volume name must be unique.*size=3m,uid=1000.*size=9m' d volume create -o type=tmpfs -o device=tmpfs -o o=size=9m scratch
    expect_error 'invalid option: .*kind' d service create --detach --mount type=volume,source=odd,target=/o,volume-opt=kind=x busybox
    expect_error 'DriverConfig.Name' d service create --detach --mount type=volume,source=odd,target=/o,volume-driver=rexray busybox
    d service rm scratcher >/dev/null || fail "service rm"
    for name in scratch made; do
        wait_until 20 volume_can_go "$name" || fail "volume rm: $(d volume rm "$name" 2>&1)"
    done
}
volume_can_go() { d volume rm "$1" >/dev/null 2>&1; }

a_service_brings_its_own_policies() {
    local id output swap
    printf '%s' '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' | d config create quiet - >/dev/null || fail "config create"
    on_n1 confined --label starling.seccomp=quiet --label starling.swap=8m --limit-memory 32m busybox sleep 100000
    id=$(container_of confined)
    output=$(d exec "$id" sh -c 'grep Seccomp: /proc/1/status; mkdir /d 2>&1; mount -t tmpfs x /tmp 2>&1' | tr '\n' '|')
    [[ $output == *'2|'*'No space left on device|'* ]] || fail "in the container: $output"
    swap=$(d exec "$id" cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes 2>/dev/null || d exec "$id" cat /sys/fs/cgroup/memory.swap.max 2>/dev/null)
    [[ -z $swap || $swap == 41943040 || $swap == 8388608 ]] || fail "swap: $swap"
    [[ $(d inspect "$id" --format '{{.HostConfig.MemorySwap}} {{.HostConfig.SecurityOpt}}') == '41943040 [seccomp={'* ]] || fail "inspect: $(d inspect "$id" --format '{{json .HostConfig}}')"
    d service update --detach --label-add starling.seccomp=unconfined confined >/dev/null || fail update
    unfiltered() { [[ $(d exec "$(container_of confined)" grep Seccomp: /proc/1/status 2>/dev/null) == *0 ]]; }
    wait_until 30 unfiltered || fail "a changed label does not replace the task: $(tasks_text confined)"
    d service rm confined >/dev/null && d config rm quiet >/dev/null || fail rm
    expect_error 'no config "quiet"' d service create --detach --label starling.seccomp=quiet busybox
    expect_error 'only be limited together with memory' d service create --detach --label starling.swap=8m busybox
}

what_is_missing_is_named() {
    local code
    code=$(api -X POST -H 'Content-Type: application/json' -d '{}' 'http://docker/v1.41/build?t=x')
    ((code == 501)) || fail "docker build: $code"
    api_message -X POST 'http://docker/v1.41/build?t=x' | found -i 'build' || fail "the message does not name what is missing"
}

metrics_are_served() {
    local metrics name
    metrics=$(metrics_of n1) || fail "no metrics: $metrics"
    for name in $(sed -n 's/^| `\(starling_[a-z_]*\)` .*/\1/p' "$ROOT_DIR/docs/OPERATIONS.md"); do
        grep -qE "^$name(_bucket|_count)?[ {]" <<<"$metrics" || fail "$name, which docs/OPERATIONS.md promises, is not there"
    done
    grep -qE '^starling_gossip_refused_total\{.*reason="forged_[a-z]*".*\} [1-9]' <<<"$metrics" \
        && fail "honest nodes refuse each other: $(grep '^starling_gossip_refused' <<<"$metrics")"
    [[ -z $(d ps -q) ]] || for name in $(sed -n 's/^| `\(container_[a-z_]*\)` .*/\1/p' "$ROOT_DIR/docs/OPERATIONS.md"); do
        grep -qE "^$name\{" <<<"$metrics" || fail "$name, which docs/OPERATIONS.md promises, is not there although n1 has containers"
    done
    wait_until 20 five_are_alive || fail "not 5 members alive: $(metrics_of n1 | grep '^starling_members')"
}
metrics_of() { in_host "$1" curl -sS --max-time 10 http://127.0.0.1:9323/metrics; }
five_are_alive() { metrics_of n1 | found -E '^starling_members\{.*state="alive".*\} 5(\.0)?$'; }

# A web server in each task, whose page is the name of its container.
SERVE='mkdir -p /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www'
serve() { # NAME OPTION...
    local name=$1
    shift
    need_busybox
    d service create --name "$name" --stop-grace-period 1s --update-monitor 500ms "$@" busybox sh -c "$SERVE" >/dev/null 2>"$RUN_DIR/serve" || fail "create $name: $(cat "$RUN_DIR/serve") $(tasks_text "$name")"
}
outside() { ip netns exec "$SWITCH" "$@"; } # somebody on the same wire who is no node
page() { outside curl -sS --max-time 3 "http://$(address_of "$1"):$2/"; }
pages_of() { local k; for k in {1..12}; do page "$1" "$2"; done | sort -u | wc -l; } # how many tasks answered
all_pages() { (($(pages_of "$1" "$2") == $3)); }

a_published_port_answers_on_every_node() {
    local node
    serve web --replicas 3 --publish 8080:80
    for node in $(node_names); do
        wait_until 10 all_pages "$node" 8080 3 || fail "$node: $(page "$node" 8080 2>&1); $(pages_of "$node" 8080) of 3 tasks answer"
        in_host "$node" curl -sS --max-time 3 http://127.0.0.1:8080/ >/dev/null || fail "$node: not on its own localhost"
    done
    [[ $(d service ls --filter name=web --format '{{.Ports}}') == '*:8080->80/tcp' ]] || fail "service ls: $(d service ls)"
    expect_error "port '8080' is already in use by service 'web'" d service create --detach --name other --publish 8080:81 busybox sleep 1
    d service create --detach --name picked --publish 80 busybox sh -c "$SERVE" >/dev/null || fail "create picked"
    [[ $(d service ls --filter name=picked --format '{{.Ports}}') =~ ^\*:3[0-2][0-9]{3}-\>80/tcp$ ]] || fail "no port was picked: $(d service ls)"
    in_host n1 nft add rule ip starling published drop # what others do to our table is undone
    wait_until 10 untouched || fail "the table was not mended: $(in_host n1 nft list chain ip starling published)"
    d service rm web picked >/dev/null || fail "rm"
    wait_until 20 is_refused n2 8080 || fail "port 8080 still answers without its service"
}
untouched() { ! in_host n1 nft list chain ip starling published | found -w drop; }
is_refused() { local said; said=$(page "$1" "$2" 2>&1); [[ $? == 7 && $said == *connect* ]]; }

# Connections to all nodes in turn, each a new one, until the file $1 is there; "EXIT-CODE SECONDS" of each goes to $1.log: those until it is made, which is for the
# kernels alone; an answer may take its time where the machine is busy.
hammer() {
    outside bash -c 'until [[ -e $1 ]]; do curl -s --max-time 20 -o /dev/null -w "%{exitcode} %{time_connect}\n" "http://10.88.0.1[1-5]:8080/?[1-20]" >>"$1.log"; done
        touch "$1.end"' hammer "$1"
}

a_changing_service_refuses_no_connection() {
    local stop=$RUN_DIR/hammer replicas count failed
    rm -f "$stop" "$stop".*
    serve web --replicas 2 --publish 8080:80
    wait_until 10 all_pages n5 8080 2 || fail "2 tasks do not answer"
    hammer "$stop" &
    for replicas in 6 1 4; do
        d service scale --detach web=$replicas >/dev/null || fail "scale"
        wait_until 20 runs web $replicas || fail "$(count_running web) of $replicas run: $(tasks_text web)"
    done
    local scaled=$(wc -l <"$stop.log") version
    for version in 2 3; do
        d service update --update-order start-first --update-monitor 500ms --env-add VERSION=$version web >/dev/null 2>&1 || fail "update: $(tasks_text web)"
    done
    d service rollback web >/dev/null 2>&1 || fail "rollback: $(tasks_text web)"
    touch "$stop"
    wait_until 30 test -e "$stop.end" || fail "the load does not end"
    count=$(wc -l <"$stop.log") failed=$(awk '$1 != 0 || $2 >= 1' "$stop.log") # what took a second to connect has lost a packet
    note "$scaled connections while a service was scaled, $((count - scaled)) while it was updated start-first twice and rolled back; $(grep -c . <<<"$failed") failed"
    ((count > 100)) && [[ -z $failed ]] || fail "of $count connections (exit code, seconds): $(tr '\n' ';' <<<"${failed:0:300}")"
    d service rm web >/dev/null || fail "rm"
}

# load NAME SECONDS: new connections to n2's port 8080, four at a time; its report goes to $RUN_DIR/ab-NAME. Waits for no answer above 30 s.
load() { outside ab -q -r -l -s 30 -c 4 -n 100000 -t "$2" http://10.88.0.12:8080/ >"$RUN_DIR/ab-$1" 2>&1; }
of_load() { awk -v what="$2" 'index($0, what) == 1 {gsub(/[^0-9]/, "", $0); print; found = 1} END {if (!found) print 0}' "$RUN_DIR/ab-$1"; }
good_of_load() { echo $(($(of_load "$1" "Complete requests:") - $(of_load "$1" "Failed requests:") - $(of_load "$1" "Non-2xx responses:"))); }
all_of_load_good() {
    (($(of_load "$1" "Complete requests:") > 20 && $(of_load "$1" "Failed requests:") == 0 && $(of_load "$1" "Non-2xx responses:") == 0)) \
        || fail "$1: $(grep -E '^(Complete|Failed|Non-2xx|apr_|   \(Connect)' "$RUN_DIR/ab-$1" | tr '\n' ';')"
}
answers_200() { [[ $(outside curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://$(address_of "$1"):8080/") == 200 ]]; }
visits() { docker_on n1 exec "$(container_of shop_db)" mariadb --no-defaults -S /run/mysqld/mysqld.sock -u root -N -e 'SELECT COUNT(*) FROM shop.visits'; }

the_sample_stack_is_right_under_load() {
    local stack=$ROOT_DIR/examples/stack password=$ROOT_DIR/examples/stack/db-password made='' loads answered=0 one rows
    command -v ab >/dev/null || skip "ab is missing: apt-get install apache2-utils"
    COMPRESS=zstd fill_registry "$stack/build-images.sh"
    start_registry
    [[ -e $password ]] || { made=yes; echo a-password-of-the-lab >"$password"; }
    trap 'stop_registry; [[ -z $made ]] || rm -f "$password"' EXIT
    d node update --label-add db=here n1 >/dev/null || fail "label"
    REGISTRY=$(address_of n1):5000 d stack deploy --detach --compose-file "$stack/stack.yml" shop >"$RUN_DIR/deploy.log" 2>&1 || fail "deploy: $(cat "$RUN_DIR/deploy.log")"
    for one in n1 n2 n3 n4 n5; do
        wait_until 60 answers_200 "$one" || fail "$one does not answer: $(d stack ps shop 2>&1); $(outside curl -s --max-time 5 "http://$(address_of "$one"):8080/")"
    done
    load scaled 10 & loads=$!
    d service scale --detach shop_web=7 >/dev/null && wait_until 30 runs shop_web 7 || fail "scale up: $(tasks_text shop_web)"
    d service scale --detach shop_web=3 >/dev/null && wait_until 30 runs shop_web 3 || fail "scale down: $(tasks_text shop_web)"
    wait "$loads"; all_of_load_good scaled
    load updated 10 & loads=$!
    d service update --update-monitor 1s --env-add VERSION=2 shop_web >"$RUN_DIR/update.log" 2>&1 || fail "update: $(tail -n 3 "$RUN_DIR/update.log")"
    wait "$loads"; all_of_load_good updated
    load killed 10 & loads=$!
    starling lab kill n5 >/dev/null || fail "kill"
    wait_until 20 runs shop_web 3 || fail "after a node's death: $(tasks_text shop_web)"
    wait "$loads"
    load after 4; all_of_load_good after
    starling lab start n5 >/dev/null || fail "start"
    for one in scaled updated killed after; do answered=$((answered + $(good_of_load "$one"))); done
    rows=$(visits)
    note "$answered pages answered while the stack was scaled, updated and a node died; $rows visits in the database; failed at the node's death: $(($(of_load killed "Failed requests:") + $(of_load killed "Non-2xx responses:")))"
    ((rows >= answered)) || fail "$answered pages were answered, and the database has $rows visits"
    d stack rm shop >/dev/null 2>&1 || fail "rm"
    wait_until 30 no_task_of shop_ || fail "tasks are left: $(d ps --format '{{.Names}}')"
    stop_registry
    [[ -z $made ]] || rm -f "$password"
    trap - EXIT
    wait_until 30 all_ready || fail "n5 is not back"
    for one in $(node_names); do # later checks move a node's data to a small disk
        wait_until 20 stack_is_gone_from "$one" || fail "$one keeps images of the stack: $(docker_on "$one" images)"
    done
}
stack_images() { docker_on "$1" images --format '{{.Repository}} {{.ID}}' | awk '/stack-/ {print $2}' | sort -u; }
stack_is_gone_from() { stack_images "$1" | xargs -r timeout 60 docker -H "unix://$(socket_of "$1")" rmi --force >/dev/null 2>&1; [[ -z $(stack_images "$1") ]]; }
no_task_of() { [[ -z $(docker_on n1 ps -q --filter "name=$1") ]]; }

host_ports_and_taken_ports_are_told() {
    serve each --mode global --publish mode=host,published=8090,target=80
    wait_until 20 all_pages n3 8090 1 || fail "n3: $(page n3 8090 2>&1)"
    [[ $(page n3 8090) != "$(page n4 8090)" ]] || fail "a port in host mode leads to another node's task"
    d service ps each --format '{{.Ports}}' | found '^\*:8090->80/tcp$' || fail "service ps: $(d service ps each)"
    d service rm each >/dev/null || fail "rm"
    in_host n2 timeout 120 "$(static_busybox)" nc -l -p 8091 >/dev/null 2>&1 &
    wait_until 5 in_host n2 bash -c 'grep -q ":1F9B .* 0A " /proc/net/tcp /proc/net/tcp6' || fail "nothing listens on 8091"
    d service create --detach --name clash --constraint node.hostname==n2 --publish mode=host,published=8091,target=80 busybox sh -c "$SERVE" >/dev/null || fail "create clash"
    wait_until 10 failed_for clash '8091/tcp of this node is in use by another process|1 has tcp/8091 in use' || fail "no reason: $(tasks_text clash)"
    d service rm clash >/dev/null || fail "rm"
    d service create --detach --name everywhere --publish 8091:80 busybox sh -c "$SERVE" >/dev/null || fail "create everywhere"
    wait_until 10 page n3 8091 >/dev/null || fail "8091 does not answer on n3"
    wait_until 5 warns n2 'port 8091/tcp' || fail "docker info does not warn: $(docker_on n2 info 2>&1 | grep -i warn)"
    in_host n2 pkill -f 'nc -l -p 8091'
    wait_until 10 page n2 8091 >/dev/null || fail "n2 does not take the port once it is free"
    d service rm everywhere >/dev/null || fail "rm"
}
# picked_of SERVICE: "node port slot" of each task that runs, from its PORTS column ("*:28000->80/tcp").
picked_of() {
    d service ps "$1" --filter desired-state=running --format '{{.Node}} {{.Name}} {{.CurrentState}} {{.Ports}}' 2>/dev/null \
        | sed -nE 's|^(n[0-9]+) [^ ]*\.([0-9]+) Running .*\*:([0-9]+)->80/tcp.*|\1 \3 \2|p'
}
each_port_leads_to_its_task() { # SERVICE TASKS
    local node port slot count=0
    while read -r node port slot; do
        [[ $(page "$node" "$port" 2>/dev/null) == "slot-$slot" ]] || return 1
        count=$((count + 1))
    done < <(picked_of "$1")
    ((count == $2))
}
refuses_connections() { page "$1" "$2" >/dev/null 2>&1; (($? == 7)); } # curl: failed to connect

a_node_picks_the_ports_that_are_left_open() {
    local before node port slot
    in_host n1 timeout 120 "$(static_busybox)" nc -l -p 28000 >/dev/null 2>&1 &
    wait_until 5 in_host n1 bash -c 'grep -q ":6D60 .* 0A " /proc/net/tcp /proc/net/tcp6' || fail "nothing listens on 28000"
    serve picked --replicas 3 --hostname 'slot-{{.Task.Slot}}' --constraint node.hostname!=n3 --constraint node.hostname!=n4 --constraint node.hostname!=n5 \
        --restart-delay 1s --update-order start-first --publish mode=host,target=80 --publish mode=host,target=81,protocol=udp
    wait_until 20 each_port_leads_to_its_task picked 3 || fail "$(picked_of picked); $(d service ps picked --no-trunc)"
    before=$(picked_of picked | sort)
    (($(cut -d' ' -f1,2 <<<"$before" | uniq | wc -l) == 3)) || fail "a port is there twice: $before"
    ! found '^n1 28000 ' <<<"$before" || fail "n1 picked a port on which another process listens: $before"
    [[ $(d service inspect picked --format '{{range .Endpoint.Ports}}{{.PublishedPort}} {{end}}') == '0 0 ' ]] || fail "inspect: $(d service inspect picked --format '{{json .Endpoint.Ports}}')"
    d service update --update-monitor 500ms --env-add VERSION=2 picked >/dev/null 2>"$RUN_DIR/update" || fail "update: $(cat "$RUN_DIR/update") $(tasks_text picked)"
    wait_until 10 each_port_leads_to_its_task picked 3 || fail "after the update: $(picked_of picked); $(d service ps picked --no-trunc)"
    before=$(picked_of picked)
    d service scale --detach picked=1 >/dev/null || fail "scale"
    wait_until 15 each_port_leads_to_its_task picked 1 || fail "after scaling down: $(picked_of picked)"
    while read -r node port slot; do
        picked_of picked | found "^$node $port " || wait_until 10 refuses_connections "$node" "$port" || fail "$node port $port still answers, or is silent, after slot $slot was scaled away"
    done <<<"$before"
    in_host n1 pkill -f 'nc -l -p 28000'
    d service rm picked >/dev/null || fail "rm"
}
labels_choose_the_task() {
    local node first
    expect_error '"sometimes" is none of none, client' d service create --detach --label starling.affinity=sometimes --name never busybox true
    serve web --replicas 3 --publish 8080:80 --label starling.affinity=client
    first=
    for node in $(node_names); do
        wait_until 10 page "$node" 8080 >/dev/null || fail "$node does not answer"
    done
    wait_until 5 all_nodes_give_one_task || fail "a client gets several tasks: $(for node in $(node_names); do page "$node" 8080; done | sort | uniq -c)"
    d service update --detach --label-add starling.affinity=none web >/dev/null || fail "update"
    wait_until 10 all_pages n2 8080 3 || fail "without affinity $(pages_of n2 8080) of 3 tasks answer"
    d service rm web >/dev/null || fail "rm"
    serve near --mode global --publish 8081:80 --label starling.ingress=local
    for node in $(node_names); do
        wait_until 10 all_pages "$node" 8081 1 || fail "$node leads to $(pages_of "$node" 8081) tasks, not to its own"
        first+="$(page "$node" 8081)"$'\n'
    done
    (($(sort -u <<<"${first%$'\n'}" | wc -l) == $(node_names | wc -w))) || fail "nodes share tasks: $first"
    d service rm near >/dev/null || fail "rm"
}
all_nodes_give_one_task() { local node; (($(for node in $(node_names); do page "$node" 8080; page "$node" 8080; done | sort -u | wc -l) == 1)); }
warns() { docker_on "$1" info 2>&1 | found "WARNING.*$2"; }

# in_network_of NODE SERVICE COMMAND...: in the network namespace of a task, and with its resolv.conf; the image's own tools are few.
in_network_of() {
    local node=$1 service=$2 id pid
    shift 2
    id=$(docker_on "$node" ps -q --filter label=com.docker.swarm.service.name="$service" | head -n 1)
    pid=$(docker_on "$node" inspect --type container --format '{{.State.Pid}}' "$id") || fail "no container of $service on $node"
    in_host "$node" unshare --mount bash -c 'pid=$1; shift; cat "/proc/$pid/root/etc/resolv.conf" >/run/resolv.$pid && mount --bind /run/resolv.$pid /etc/resolv.conf \
        && rm /run/resolv.$pid && exec nsenter --target "$pid" --net -- "$@"' in-network "$pid" "$@"
}
called() { in_network_of n1 caller curl -sS --max-time 3 http://api/; }
all_called() { (($(for k in {1..12}; do called; done | sort -u | wc -l) == $1)); }

virtual_addresses_and_the_way_out() {
    local address log=$RUN_DIR/outside.log
    d network create --driver overlay front >/dev/null || fail "network create"
    d network create --driver overlay --internal back >/dev/null || fail "network create --internal"
    serve api --replicas 3 --network front
    serve caller --network front --constraint node.hostname==n1
    serve shut --network back --constraint node.hostname==n1
    address=$(d service inspect api --format '{{(index .Endpoint.VirtualIPs 0).Addr}}')
    wait_until 10 all_called 3 || fail "through the virtual address $address: $(called 2>&1)"
    [[ $(in_network_of n1 caller getent ahostsv4 api | awk '{print $1; exit}')/24 == "$address" ]] || fail "api is not $address"
    (($(in_network_of n1 caller getent ahostsv4 tasks.api | awk '{print $1}' | sort -u | wc -l) == 3)) || fail "tasks.api: $(in_network_of n1 caller getent ahostsv4 tasks.api)"
    d service scale --detach api=1 >/dev/null || fail "scale"
    wait_until 10 all_called 1 || fail "after scaling to 1: $(called 2>&1)"
    outside timeout 180 "$(static_busybox)" httpd -f -v -p 10.88.0.1:9000 -h "$RUN_DIR" >"$log" 2>&1 &
    wait_until 5 outside curl -s -o /dev/null http://10.88.0.1:9000/ || fail "no server outside"
    in_network_of n1 caller curl -sS --max-time 3 -o /dev/null http://10.88.0.1:9000/ || fail "a container does not reach the outside"
    grep -q '10\.88\.0\.11' "$log" || fail "it comes from another address than its node's: $(cat "$log")"
    expect_error 'curl' in_network_of n1 shut curl -sS --max-time 2 http://10.88.0.1:9000/
    kill $! 2>/dev/null
    d service rm api caller shut >/dev/null || fail "rm"
    wait_until 20 d network rm front back >/dev/null 2>&1 || fail "network rm"
}

ipv6_in_networks_and_on_ports() {
    local node address there k
    [[ -e /proc/sys/net/ipv6 ]] || skip "this kernel has no IPv6"
    d network create --driver overlay --ipv6 --subnet fd00:5:6::/64 six >/dev/null || fail "network create --ipv6"
    d network inspect --format '{{.EnableIPv6}} {{json .IPAM.Config}}' six | found '^true .*"fd00:5:6::/64".*"fd00:5:6::1"' || fail "$(d network inspect six)"
    expect_error 'Pool overlaps' d network create --driver overlay --ipv6 --subnet fd00:5:6:0::/64 seven
    expect_error 'needs --ipv6' d network create --driver overlay --subnet fd00:5:7::/64 seven
    serve pair --mode global --network six --publish 8086:80
    wait_until 20 six_names 5 || fail "tasks.pair has no five IPv6 addresses: $(in_network_of n1 pair getent ahostsv6 tasks.pair)"
    for address in $(in_network_of n1 pair getent ahostsv6 tasks.pair | awk '{print $1}' | sort -u); do
        in_network_of n1 pair curl -gsS --max-time 3 -o /dev/null "http://[$address]/" || fail "$address is not reached from n1"
    done
    # The service's name: one address, behind which all tasks are. What inspect shows is what the name leads to.
    address=$(d service inspect --format '{{range .Endpoint.VirtualIPs}}{{println .Addr}}{{end}}' pair | sed -n 's/^\(fd00:5:6::.*\)\/64$/\1/p')
    [[ -n $address && $(in_network_of n1 pair getent ahostsv6 pair | awk '$1 ~ /^fd/ {print $1}' | sort -u) == "$address" ]] \
        || fail "inspect shows '$address', the name leads to $(in_network_of n1 pair getent ahostsv6 pair)"
    wait_until 20 five_answer_at "$address" || fail "not all five answer at $address"
    d inspect --type task --format '{{json .NetworksAttachments}}' "$(d service ps -q pair | head -n 1)" | found -E '"fd00:5:6::[0-9a-f]+/64"' || fail "no IPv6 address in the task's attachments"
    # Clients that come by IPv6, to each node.
    outside ip -6 address replace fd00:88::1/64 dev br0 nodad || fail "no IPv6 on the switch"
    for node in $(node_names); do
        there=fd00:88::${node#n}1
        in_host "$node" ip -6 address replace "$there/64" dev eth0 nodad || fail "$node: no IPv6 address"
        wait_until 10 six_pages "$there" 5 || fail "$node: $(outside curl -gsS --max-time 3 "http://[$there]:8086/" 2>&1)"
    done
    d service rm pair >/dev/null || fail "rm"
    wait_until 20 d network rm six >/dev/null 2>&1 || fail "network rm"
}
five_answer_at() { local k; (($(for k in {1..30}; do in_network_of n1 pair curl -gsS --max-time 3 "http://[$1]/"; done | sort -u | wc -l) == 5)); }
six_names() { (($(in_network_of n1 pair getent ahostsv6 tasks.pair | awk '$1 ~ /^fd00:5:6::/ {print $1}' | sort -u | wc -l) == $1)); }
six_pages() { local k; (($(for k in {1..25}; do outside curl -gsS --max-time 3 "http://[$1]:8086/"; done | sort -u | wc -l) == $2)); }

ca_of() { docker_on "$1" node inspect "$2" --format '{{.Description.TLSInfo.CertIssuerPublicKey}}'; }

# The CLI's own progress display decides when it is done: all nodes have certificates under the new CA and trust nothing else.
the_ca_is_rotated_and_nobody_is_lost() {
    local before after started agent token
    before=$(d swarm ca) || fail "swarm ca: $(d swarm ca 2>&1)"
    token=$(d swarm join-token -q worker)
    grep -q 'BEGIN CERTIFICATE' <<<"$before" || fail "no certificate: $before"
    expect_error 'requires the .--rotate. flag' d swarm ca --cert-expiry 3h
    expect_error "ExternalCAs.*not there yet" d swarm ca --rotate --external-ca protocol=cfssl,url=https://10.88.0.1/sign --ca-cert <(printf '%s\n' "$before")
    expect_error "at least|minimum certificate expiry" d swarm ca --rotate --cert-expiry 1m
    started=$(now_millis)
    agent=$(agent_of n4)
    after=$(timeout 180 docker -H "unix://$(socket_of n1)" swarm ca --rotate --cert-expiry 720h --quiet </dev/null 2>&1) || fail "rotate: $after"
    note "rotated on $NODES nodes in $(seconds $(($(now_millis) - started)))"
    [[ $(d swarm ca) != "$before" ]] || fail "the CA is the old one"
    [[ $(agent_of n4) == "$agent" ]] || fail "the agent of n4 is another one"
    [[ $(d info --format '{{.Swarm.Cluster.RootRotationInProgress}} {{.Swarm.Cluster.Spec.CAConfig.ForceRotate}}') == 'false 1' ]] || fail "$(d info --format '{{json .Swarm.Cluster}}')"
    [[ $(for n in $(node_names); do ca_of n1 "$n"; done | sort -u | wc -l) == 1 ]] || fail "not all nodes are under one CA"
    [[ $(d swarm join-token -q worker) != "$token" ]] || fail "the join token is the old one"
    wait_until 20 same_token n2 || fail "n2 derives another token"
    wait_until 20 all_ready || fail "not all ready: $(d node ls 2>&1)"
    wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run"
}

same_token() { [[ $(docker_on "$1" swarm join-token -q worker) == "$(d swarm join-token -q worker)" ]]; }

the_rotation_waits_for_a_node_that_is_off() {
    starling lab kill n5 >/dev/null || fail "kill"
    docker_on n2 swarm ca --rotate --detach >/dev/null || fail "rotate"
    sleep 2
    [[ $(docker_on n3 info --format '{{.Swarm.Cluster.RootRotationInProgress}}') == true ]] || fail "it did not wait for n5"
    starling lab start n5 >/dev/null || fail "start"
    wait_until 40 rotation_is_over n3 || fail "still in progress: $(docker_on n3 node ls 2>&1)"
    wait_until 20 all_ready || fail "n5 is not ready again: $(d node ls 2>&1)"
    wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run"
    wait_until 45 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks"
}
rotation_is_over() { [[ $(docker_on "$1" info --format '{{.Swarm.Cluster.RootRotationInProgress}}') == false ]]; }

autolock_seals_a_restarted_manager() {
    local key containers
    expect_error "no unlock key is set" d swarm unlock-key
    expect_error "swarm is not locked" d swarm unlock </dev/null
    d swarm update --autolock=true | found SWMKEY-1- || fail "no key shown"
    key=$(d swarm unlock-key -q)
    [[ $key == SWMKEY-1-* ]] || fail "unlock-key: $key"
    wait_until 20 has_unlock_key n3 "$key" || fail "n3 has another key: $(docker_on n3 swarm unlock-key 2>&1)"
    in_host n3 grep -rlE 'BEGIN (EC )?PRIVATE KEY' "$DATA_DIR/n3/swarm" && fail "a key lies open on n3"
    containers=$(sleepers_on n3 | paste -sd' ')
    starling lab kill n3 --agent >/dev/null || fail "kill the agent"
    starling lab start n3 >/dev/null 2>&1
    wait_until 20 is_locked n3 || fail "n3 is '$(docker_on n3 info --format '{{.Swarm.LocalNodeState}}' 2>&1)'"
    [[ $(sleepers_on n3 | paste -sd' ') == "$containers" ]] || fail "its containers did not go on"
    expect_error "Swarm is encrypted and needs to be unlocked" docker_on n3 node ls
    expect_error "Swarm is encrypted and needs to be unlocked" docker_on n3 service create busybox sleep 9
    expect_error "invalid key" unlock n3 SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    unlock n3 "$key" || fail "unlock"
    wait_until 20 all_ready || fail "n3 is not ready again: $(d node ls 2>&1)"
    d swarm unlock-key --rotate -q | found SWMKEY-1- || fail "rotate"
    [[ $(d swarm unlock-key -q) != "$key" ]] || fail "the key is the old one"
    d swarm update --autolock=false >/dev/null || fail "autolock off"
    wait_until 20 lies_open n3 || fail "n3 is sealed still"
    wait_until 45 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks"
    wait_until 10 runs fifty 50 || fail "$(count_running fifty) of 50 run"
}
has_unlock_key() { [[ $(docker_on "$1" swarm unlock-key -q 2>/dev/null) == "$2" ]]; }
is_locked() { [[ $(docker_on "$1" info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null) == locked ]]; }
lies_open() { ! in_host "$1" test -e "$DATA_DIR/$1/swarm/vault.lock"; }
unlock() { printf '%s\n' "$2" | docker_on "$1" swarm unlock; }

a_killed_node_is_down_and_its_tasks_move() {
    local started down
    started=$(now_millis)
    starling lab kill n5 >/dev/null || fail "kill"
    wait_until 15 state_is n2 n5 Down || fail "n5 is '$(state_of n2 n5)' 15 s after it was killed"
    down=$(($(now_millis) - started))
    wait_until 20 runs_without fifty 50 n5 || fail "$(count_running fifty) of 50 run elsewhere: $(tasks_text fifty)"
    note "Down after $(seconds $down), all 50 elsewhere after $(seconds $(($(now_millis) - started)))"
    wait_until 20 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks"
}

a_killed_node_comes_back() {
    starling lab start n5 >/dev/null || fail "start"
    wait_until 20 all_ready || fail "n5 is not ready again: $(d node ls 2>&1)"
    wait_until 20 runs fifty 50 || fail "$(count_running fifty) of 50 run"
    wait_until 20 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks"
}

a_cut_node_comes_back_without_duplicates() {
    starling lab cut n4 >/dev/null || fail "cut"
    wait_until 15 state_is n1 n4 Down || fail "n4 is '$(state_of n1 n4)'"
    wait_until 20 runs_without fifty 50 n4 || fail "$(count_running fifty) of 50 run elsewhere"
    starling lab heal n4 >/dev/null || fail "heal"
    wait_until 30 all_ready || fail "n4 is not ready again: $(d node ls 2>&1)"
    wait_until 45 sleepers_are 50 || fail "$(sleepers) processes for 50 tasks, 45 s after healing"
    wait_until 10 runs fifty 50 || fail "$(count_running fifty) of 50 run"
}

removed_service_leaves_no_container() {
    d service rm fifty >/dev/null || fail "rm"
    wait_until 40 sleepers_are 0 || fail "$(sleepers) processes are left"
}

four_of_five_killed_and_the_last_one_works() {
    local node
    for node in n2 n3 n4 n5; do starling lab kill "$node" >/dev/null || fail "kill $node"; done
    timeout "$DOCKER_LIMIT" docker -H "unix://$(socket_of n1)" service create --name last --replicas 3 busybox sleep 100000 >/dev/null || fail "service create on the last node: $(tasks_text last)"
    wait_until 20 sleepers_are 3 || fail "$(sleepers) of 3 run: $(tasks_text last)"
}

the_four_come_back() {
    local node
    for node in n2 n3 n4 n5; do starling lab start "$node" >/dev/null || fail "start $node"; done
    wait_until 40 all_ready || fail "not all are ready again: $(d node ls 2>&1)"
    wait_until 20 sees_service_last n3 || fail "n3 has not heard of the service made while it was off"
    d service rm last >/dev/null || fail "rm"
    wait_until 30 sleepers_are 0 || fail "$(sleepers) processes are left"
}
sees_service_last() { [[ -n $(docker_on "$1" service ls -q --filter name=last 2>/dev/null) ]]; }

a_worker_on_an_island_starts_with_its_secret() {
    local node
    need_busybox
    printf %s "$SECRET_VALUE" | d secret create island - >/dev/null || fail "secret create"
    d service create --detach --name island --constraint node.hostname==n4 --restart-delay 0s --secret island \
        busybox sh -c "echo '${SECRET_SUM%% *}  /run/secrets/island' | sha256sum -c && exec sleep 100000" >/dev/null || fail "service create"
    wait_until 20 sleeps_on n4 || fail "it does not run on n4: $(tasks_text island)"
    for node in n1 n2 n3 n4; do starling lab kill "$node" >/dev/null || fail "kill $node"; done
    starling lab start n4 >/dev/null || fail "start n4"
    wait_until 30 sleeps_on n4 || fail "without managers it does not run on n4: $(docker_on n4 service ps --no-trunc island 2>&1)"
    nothing_in_plain
    for node in n1 n2 n3; do starling lab start "$node" >/dev/null || fail "start $node"; done
    wait_until 40 all_ready || fail "not all are ready again: $(d node ls 2>&1)"
    d service rm island >/dev/null && d secret rm island >/dev/null || fail "rm"
}
sleeps_on() { [[ -n $(sleepers_on "$1") ]]; }

# ---- in the lab: disks -------------------------------------------------------------------------------------------------

# Cut off from the others, so that none of them can give back what n3's own disk has lost. Four at a time, since each write waits
# a second for copies that do not come.
a_killed_agent_keeps_what_it_acknowledged() {
    local round acknowledged=$RUN_DIR/acknowledged name writers writer
    : >"$acknowledged"
    starling lab cut n3 >/dev/null || fail "cut"
    for ((round = 1; round <= KILL_ROUNDS; round++)); do
        writers=()
        for writer in 1 2 3 4; do
            write_until_it_fails "kept-$round-$writer" "$acknowledged" &
            writers+=($!)
        done
        wait_until 20 lines_are "$acknowledged" $((round * 6)) || fail "few writes are acknowledged: $(cat "$acknowledged")"
        starling lab kill n3 --agent >/dev/null || fail "kill --agent"
        wait "${writers[@]}"
        starling lab start n3 >/dev/null || fail "start"
        docker_on n3 service ls --format '{{.Name}}' | sort >"$RUN_DIR/found"
        name=$(sort "$acknowledged" | comm -23 - "$RUN_DIR/found")
        [[ -z $name ]] || fail "acknowledged and lost in round $round: $name"
    done
    note "$(wc -l <"$acknowledged") acknowledged writes in $KILL_ROUNDS kills"
    starling lab heal n3 >/dev/null || fail "heal"
    wait_until 30 all_ready || fail "not all ready: $(d node ls 2>&1)"
    docker_on n3 service ls -q --filter name=kept- | xargs -r -n 50 timeout "$DOCKER_LIMIT" docker -H "unix://$(socket_of n3)" service rm >/dev/null || fail "rm"
}
write_until_it_fails() {
    local i
    for ((i = 1; i <= 100; i++)); do
        docker_on n3 service create --detach --replicas 0 --name "$1-$i" busybox true >/dev/null 2>&1 || return 0
        printf '%s\n' "$1-$i" >>"$2"
    done
}
lines_are() { (($(wc -l <"$1") >= $2)); }

data_of() { printf '%s/%s' "$DATA_DIR" "$1"; }
disk_of() { printf '%s/%s/disk.img' "$RUN_DIR" "$1"; }
# mount_disk NODE: the node's data directory is on a file system of its own from now on, as long as the host is switched on.
mount_disk() { in_host "$1" mount -o loop "$(disk_of "$1")" "$(data_of "$1")"; }

# Of 64 MB, with what is in the data directory; the agent is started anew on it.
move_to_a_small_disk() {
    local node=$1
    command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 (e2fsprogs) is not there"
    starling lab kill "$node" --agent >/dev/null || fail "kill --agent"
    truncate -s 64M "$(disk_of "$node")" && mkfs.ext4 -q -m 0 -d "$(data_of "$node")" "$(disk_of "$node")" || fail "no file system could be made"
    mount_disk "$node" || skip "a file cannot be mounted here (loop devices)"
    starling lab start "$node" >/dev/null || fail "start"
}

info_warns() { docker_on "$1" info --format '{{json .Warnings}}' | found -- "$2"; }
message_of_n3_says() { [[ $(d node inspect n3 --format '{{.Status.Message}}') == *"$1"* ]]; }
message_of_n3_is_gone() { [[ $(d node inspect n3 --format '{{.Status.Message}}') != *store* ]]; }
disk_is_well() { in_host n3 curl -sS --max-time 10 http://127.0.0.1:9323/metrics | grep -E '^starling_disk_trouble(\{[^}]*\})? 0(\.0)?$' >/dev/null; }
creates_nothing() { ! docker_on n3 service create --detach --replicas 0 --name "refused-$((++REFUSED))" busybox true >"$RUN_DIR/refusal" 2>&1; }
REFUSED=0

a_full_disk_is_named_and_caught_up_with() {
    move_to_a_small_disk n3
    d service create --name on-n3 --replicas 2 --constraint node.hostname==n3 busybox sleep 100000 >/dev/null || fail "create: $(tasks_text on-n3)"
    in_host n3 sh -c 'dd if=/dev/zero of="$1" bs=4k; sync' fill "$(data_of n3)/ballast" >/dev/null 2>&1
    wait_until 10 creates_nothing || fail "writes are acknowledged on a full disk"
    grep -q "$(data_of n3).*no space is left.*make room" "$RUN_DIR/refusal" || fail "the refusal says: $(cat "$RUN_DIR/refusal")"
    info_warns n3 'no space is left' || fail "docker info: $(docker_on n3 info 2>&1 | grep -i warning)"
    wait_until 10 message_of_n3_says 'no space is left' || fail "node inspect: $(d node inspect n3 --format '{{.Status}}')"
    ! disk_is_well || fail "starling_disk_trouble is 0"
    (($(sleepers_on n3 | wc -l) == 2)) || fail "$(sleepers_on n3 | wc -l) of 2 tasks run"
    rm_in_host n3 "$(data_of n3)/ballast"
    wait_until 40 disk_is_well || fail "there is room, and still: $(docker_on n3 info --format '{{json .Warnings}}')"
    wait_until 10 message_of_n3_is_gone || fail "node inspect: $(d node inspect n3 --format '{{.Status}}')"
    # what was refused is on disk by now: n3 alone, started anew, knows it
    starling lab cut n3 >/dev/null && starling lab kill n3 --agent >/dev/null && starling lab start n3 >/dev/null || fail "n3 is not started anew"
    [[ $(docker_on n3 service ls -q --filter "name=refused-$REFUSED" | wc -l) == 1 ]] || fail "what was not stored is not stored now"
    starling lab heal n3 >/dev/null
    wait_until 30 all_ready || fail "n3 is not ready again"
    wait_until 20 runs on-n3 2 || fail "$(count_running on-n3) of 2 run"
    docker_on n3 service ls -q --filter name=refused- | xargs -r timeout "$DOCKER_LIMIT" docker -H "unix://$(socket_of n3)" service rm >/dev/null || fail "rm"
}
rm_in_host() { in_host "$1" rm -f "$2"; }

# As a kernel does it to a card that fails; then the node is switched off, and on again with its disk repaired.
a_read_only_disk_is_named_and_its_tasks_run() {
    in_host n3 mountpoint -q "$(data_of n3)" || skip "n3 has no disk of its own"
    local id
    id=$(docker_on n3 info --format '{{.Swarm.NodeID}}')
    docker_on n3 service create --detach --replicas 0 --name before busybox true >/dev/null || fail "create before"
    in_host n3 mount -o remount,abort "$(data_of n3)" || fail "remount"
    expect_error 'read-only.*writable' docker_on n3 service create --detach --replicas 0 --name refused busybox true
    info_warns n3 'read-only' || fail "docker info: $(docker_on n3 info 2>&1 | grep -i warning)"
    wait_until 10 message_of_n3_says 'read-only' || fail "node inspect: $(d node inspect n3 --format '{{.Status}}')"
    (($(sleepers_on n3 | wc -l) == 2)) || fail "$(sleepers_on n3 | wc -l) of 2 tasks run"
    power_off n3
    boot n3
    mount_disk n3 || fail "mount"
    start_agent n3
    api_answers_within 60 n3
    [[ $(docker_on n3 info --format '{{.Swarm.NodeID}}') == "$id" ]] || fail "n3 is another node"
    [[ $(docker_on n3 service ls -q --filter name=before | wc -l) == 1 ]] || fail "an acknowledged write is lost"
    wait_until 30 all_ready || fail "n3 is not ready again"
    wait_until 20 runs on-n3 2 || fail "$(count_running on-n3) of 2 run"
    d service rm on-n3 before >/dev/null || fail "rm"
    d service rm refused >/dev/null 2>&1
    wait_until 30 sleepers_are 0 || fail "$(sleepers) processes are left"
}

# After a check that failed before it did so itself: n3's disk is taken out and put in again.
repair_disk_of_n3() {
    in_host n3 mountpoint -q "$(data_of n3)" && ! in_host n3 touch "$(data_of n3)/probe" || return 0
    power_off n3
    boot n3 && mount_disk n3 && start_agent n3
}

a_data_directory_that_is_removed_is_written_anew() {
    local id
    id=$(docker_on n2 info --format '{{.Swarm.NodeID}}')
    d service create --detach --replicas 0 --name before busybox true >/dev/null || fail "create before"
    rm -rf "$(data_of n2)/swarm"
    docker_on n2 service create --detach --replicas 0 --name after busybox true >/dev/null || fail "create after"
    starling lab cut n2 >/dev/null && starling lab kill n2 --agent >/dev/null && starling lab start n2 >/dev/null || fail "n2 is not started anew"
    [[ $(docker_on n2 info --format '{{.Swarm.NodeID}}') == "$id" ]] || fail "n2 is another node, or none: $(docker_on n2 info --format '{{.Swarm}}')"
    [[ $(docker_on n2 service ls --format '{{.Name}}' | sort | paste -sd ' ') == *'after before'* ]] || fail "n2 alone knows only: $(docker_on n2 service ls)"
    starling lab heal n2 >/dev/null
    wait_until 30 all_ready || fail "n2 is not ready again"
    d service rm before after >/dev/null || fail "rm"
}

# What a node says of a slot, in a line.
asked_why() { printf '%s: ' "$1"; starling explain --socket "$(socket_of "$1")" "$2" 2>&1 | tr '\n' ' '; echo; }

a_damaged_database_is_set_aside() {
    local id database
    id=$(docker_on n4 info --format '{{.Swarm.NodeID}}')
    database=$(data_of n4)/swarm/state.db
    d service create --name on-n4 --constraint node.hostname==n4 busybox sleep 100000 >/dev/null || fail "create: $(tasks_text on-n4)"
    starling lab kill n4 --agent >/dev/null || fail "kill --agent"
    dd if=/dev/urandom of="$database" bs=4k count=4 conv=notrunc 2>/dev/null
    rm -f "$database-wal"
    starling lab start n4 >/dev/null || fail "start"
    ls "$database".damaged-* >/dev/null 2>&1 || fail "nothing was set aside: $(ls "$(dirname "$database")")"
    grep -q 'it was moved to .*damaged' "$(log_of n4)" || fail "the log does not say so"
    [[ $(docker_on n4 info --format '{{.Swarm.NodeID}}') == "$id" ]] || fail "n4 is another node"
    wait_until 30 all_ready || fail "n4 is not ready again"
    wait_until 20 runs on-n4 1 || fail "its task does not run again: $(tasks_text on-n4)$(echo; asked_why n1 on-n4.1; asked_why n4 on-n4.1; tail -n 5 "$(log_of n4)" | tr '\n' ' ')"
    wait_until 20 sleepers_are 1 || fail "$(sleepers) processes for 1 task"
    d service rm on-n4 >/dev/null || fail "rm"
    wait_until 20 sleepers_are 0 || fail "$(sleepers) processes are left"
}

# As after weeks: what n5's disk says is old. n5's containers run on meanwhile.
a_node_that_missed_a_removal_does_not_undo_it() {
    local kept node
    d service create --name kept --update-monitor 500ms --constraint node.hostname==n5 busybox sleep 100001 >/dev/null || fail "create kept: $(tasks_text kept)"
    d service create --name doomed --update-monitor 500ms --mode global busybox sleep 100002 >/dev/null || fail "create doomed: $(tasks_text doomed)"
    kept=$(in_host n5 pgrep -f '^sleep 100001$')
    starling lab kill n5 --agent >/dev/null || fail "kill --agent"
    wait_until 15 state_is n1 n5 Down || fail "n5 is '$(state_of n1 n5)'"
    d service rm doomed >/dev/null || fail "rm doomed"
    d service create --detach --name fresh --constraint node.hostname==n5 busybox sleep 100003 >/dev/null || fail "create fresh"
    starling lab start n5 >/dev/null || fail "start"
    wait_until 30 all_ready || fail "n5 is not ready again"
    wait_until 30 runs fresh 1 || fail "fresh does not run: $(tasks_text fresh)"
    wait_until 20 sleepers_are 2 || fail "$(sleepers) processes for 2 tasks"
    [[ $(in_host n5 pgrep -f '^sleep 100001$') == "$kept" ]] || fail "kept runs in another container"
    wait_until 20 runs kept 1 || fail "$(count_running kept) of 1 run: $(tasks_text kept)"
    for node in n1 n2 n3; do
        [[ -z $(docker_on "$node" service ls -q --filter name=doomed) ]] || fail "$node knows the removed service again"
    done
    d service rm kept fresh >/dev/null || fail "rm"
    wait_until 20 sleepers_are 0 || fail "$(sleepers) processes are left"
}

# ---- after the lab -----------------------------------------------------------------------------------------------------

leaves() {
    local left
    left=$(ls -d /run/netns/slab-* "$RUN_DIR" "$DATA_DIR" "$LOG_DIR" 2>/dev/null
        find /sys/fs/cgroup -type d -name "$CGROUP" 2>/dev/null
        grep starling-lab /proc/self/mountinfo
        pgrep -af 'host-init.sh|run --config /run/starling-lab')
    [[ -z $left ]] || fail "left behind: $left"
}

# On another kernel, since this machine's has version 1 only.
containers_run_under_cgroup_v2() {
    local output
    [[ $(uname -m) == x86_64 ]] || skip "User-Mode Linux, in which cgroup v2 is tested, is for x86_64 only"
    output=$(bash "$ROOT_DIR/deploy/uml/run.sh" "$ROOT_DIR/deploy/tests/in-uml-cgroup2.sh" 360 2>&1) || fail "$output"
    note "$(grep 'cgroup v2 on' <<<"$output")"
}

# On another kernel, since this machine's may have no ESP.
encrypted_networks_carry_esp_only() {
    local output
    [[ $(uname -m) == x86_64 ]] || skip "User-Mode Linux, in which ESP is tested, is for x86_64 only"
    output=$(bash "$ROOT_DIR/deploy/uml/run.sh" "$ROOT_DIR/deploy/tests/in-uml-encryption.sh" 360 2>&1) || fail "$output"
    note "$(grep '^encryption on' <<<"$output")"
}

# Also there: two nodes behind a router that forwards nothing.
encrypted_networks_pass_nat() {
    local output
    [[ $(uname -m) == x86_64 ]] || skip "User-Mode Linux, in which ESP is tested, is for x86_64 only"
    command -v iptables >/dev/null || skip "iptables, by which the router of this check masquerades, is missing"
    output=$(bash "$ROOT_DIR/deploy/uml/run.sh" "$ROOT_DIR/deploy/tests/in-uml-nat.sh" 360 2>&1) || fail "$output"
    note "$(grep '^nat on' <<<"$output")"
}

lab_down_leaves_nothing() {
    starling lab down >/dev/null || fail "down"
    leaves
    starling lab down >/dev/null || fail "down is not idempotent"
}

the_demo_ends_clean() {
    local output started
    started=$(now_millis)
    output=$(starling demo </dev/null 2>&1) || fail "the demo failed: $(tail -n 4 <<<"$output")"
    note "the demo took $(seconds $(($(now_millis) - started)))"
    grep -q 'greetings from container' <<<"$output" || fail "no page was shown"
    grep -q 'is known to be down after' <<<"$output" || fail "no fail-over was shown"
    leaves
}

the_demo_interrupted_leaves_nothing() {
    local pid log=$ROOT_DIR/target/demo-interrupted.log
    mkdir -p "$ROOT_DIR/target"
    # A job in the background ignores SIGINT unless it is told otherwise; a terminal's Ctrl-C goes to a whole process group.
    setsid env --default-signal=INT "$ROOT_DIR/starling" demo >"$log" 2>&1 </dev/null &
    pid=$!
    wait_until 30 host_is_up n2 || fail "the demo does not start: $(tail -n 3 "$log")"
    kill -INT -- "-$pid"
    wait_until 30 is_gone "$pid" || fail "the demo does not end"
    wait "$pid"
    (($? == 130)) || fail "exit code $? instead of 130: $(tail -n 3 "$log")"
    leaves
}

# ---- the runner --------------------------------------------------------------------------------------------------------

FAILED=0 CLEARED=0
outcome() { # OUTCOME NAME REASON TIME
    [[ -z ${E2E_RESULTS:-} ]] || printf '%s\te2e %s\t%s\n' "$1" "$2" "$(tr '\n\t' '  ' <<<"${3:-}")" >>"$E2E_RESULTS"
    case $1 in
        passed) say "  ${GREEN}ok${RESET}      $2${4:+ ($4)}" ;;
        skipped) say "  skipped $2: $3" ;;
        failed) ((++FAILED)); say "  ${RED}FAILED${RESET}  $2: $3" ;;
    esac
}

run_check() {
    local name=${1%%:*} limit=${1##*:} errors status started
    errors=$(mktemp)
    started=$(now_millis)
    timeout --kill-after=5 $((limit * PATIENCE)) bash "${BASH_SOURCE[0]}" --one "$name" 2>"$errors" </dev/null &
    CHECK_PID=$!
    wait $CHECK_PID # not in the foreground, since bash would put a signal off until it ends
    status=$?
    case $status in
        0) outcome passed "$name" '' "$(seconds $(($(now_millis) - started)))" ;;
        77) outcome skipped "$name" "$(tail -n 1 "$errors")" ;;
        124 | 137) outcome failed "$name" "not done after $((limit * PATIENCE)) s" ;;
        *) outcome failed "$name" "$(tail -n 8 "$errors")" ;;
    esac
    rm -f "$errors"
}

# What a check that failed half way left running would fail those after it, which count containers.
remove_leftovers() {
    local service
    for service in $(d service ls --format '{{.Name}}' 2>/dev/null); do
        [[ $service == fifty ]] || d service rm "$service" >/dev/null 2>&1
    done
    repair_disk_of_n3 >/dev/null 2>&1
}

any_host_is_up() { local node; for node in $(known_hosts); do ! host_is_up "$node" || return 0; done; return 1; }

run_all() {
    local entry problem
    problem=$( (require_lab 'lab up') 2>&1 >/dev/null) || {
        for entry in "${BEFORE_LAB[@]}" "${IN_LAB[@]}" "${AFTER_LAB[@]}" "${SIDE_BY_SIDE[@]}"; do outcome skipped "${entry%%:*}" "${problem##*$'\n'}"; done
        return
    }
    # A lab of which something runs is somebody's, and not this script's to remove. One of which nothing does was left by a run that was killed.
    if [[ -f $LAB_FILE || -n $(known_hosts) ]]; then
        ! any_host_is_up || { outcome failed "the lab" "one is up on this machine already: ./starling lab down"; return; }
        say "  removing what an earlier lab has left, of which nothing runs any more"
        remove_all
    fi
    trap 'remove_all' EXIT
    trap 'kill ${CHECK_PID:-} 2>/dev/null; exit 143' TERM INT
    for entry in "${BEFORE_LAB[@]}"; do ! wanted "$entry" || run_check "$entry"; done
    if problem=$(timeout $((LAB_LIMIT * PATIENCE)) bash "$ROOT_DIR/deploy/lab.sh" up --nodes $NODES --managers $MANAGERS 2>&1); then
        for entry in "${IN_LAB[@]}"; do
            ! wanted "$entry" || run_check "$entry"
            ((FAILED == CLEARED)) || { CLEARED=$FAILED; timeout 120 bash "${BASH_SOURCE[0]}" --one remove_leftovers </dev/null; }
        done
    else
        for entry in "${IN_LAB[@]}"; do outcome failed "${entry%%:*}" "the lab did not come up: ${problem##*$'\n'}"; done
    fi
    for entry in "${AFTER_LAB[@]}"; do ! wanted "$entry" || run_check "$entry"; done
    run_side_by_side
}

run_side_by_side() {
    local entry pid pids=()
    for entry in "${SIDE_BY_SIDE[@]}"; do
        wanted "$entry" || continue
        (trap - EXIT; FAILED=0; trap 'kill $CHECK_PID 2>/dev/null; exit 143' TERM; run_check "$entry"; exit $((FAILED > 0))) &
        pids+=($!)
    done
    CHECK_PID=${pids[*]}
    for pid in "${pids[@]}"; do wait "$pid" || ((++FAILED)); done
}

WANTED=("$@")
wanted() { ((${#WANTED[@]} == 0)) || [[ " ${WANTED[*]} " == *" ${1%%:*} "* ]]; }

if [[ ${1:-} == --one ]]; then
    require_java
    "$2"
    exit
fi
run_all
exit $((FAILED > 0))
