package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.HybridTime;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;

/**
 * A task: a claim on a slot by the node that runs it, and what became of it. Lives in that node's own record; nobody else writes it.
 *
 * @param id             Docker-style id, 25 characters of base 36
 * @param templateHash   hash of the task template it was made from: differs from the service's -> out of date
 * @param image          the image as the service named it, for display
 * @param desired        RUNNING, READY (created, waits for the one before it), SHUTDOWN or REMOVE
 * @param claimed        when the slot was claimed; survives in-place restarts of the slot, so an incumbent keeps its rank
 * @param price          what the bid said: lower is better; 0 to 1000
 * @param attempt        restarts of this slot on this node within the restart window so far
 * @param notBefore      wall-clock milliseconds before which it must not start (restart delay); 0 for at once
 * @param createdMillis  wall clock at creation
 * @param changedMillis  wall clock at the last change of {@code state}
 * @param message        what is going on, in Docker's words ("started", "preparing", ...)
 * @param error          why it failed or waits; empty if it did not
 * @param exitCode       -1 while unknown
 * @param containerId    empty before there is one
 * @param addresses      network uid -> address in that network with prefix length ("10.0.1.18/24")
 * @param reserved       what it was admitted with: it holds that until it ends, also when its service has changed, is gone, or the agent has
 *                       restarted
 * @param iteration      of the job that it is of; 0 for a task of a service that is no job
 * @param fencingToken   of an exclusive slot: the term in which its node held it when the task started; 0 for others
 * @param movesTo        the node that is to take the slot over while this task still runs; null where none is
 * @param ranMillis      of one that has ended: how long it ran, by its node's clock; 0 while it has not, and where it never did
 * @param hostPorts      "tcp/8080": what it was admitted with, and holds as it holds {@code reserved}
 * @param pickedPorts    of those the ones whose number its node picked for it, each with the port of the container that it leads to
 */
public record Task(
        String id, Slot slot, NodeId node, long serviceGeneration, String templateHash, String image, TaskState state, TaskState desired,
        HybridTime claimed, int price, int attempt, long notBefore, long createdMillis, long changedMillis, String message, String error,
        int exitCode, String containerId, int pid, SortedMap<String, String> addresses, Resources reserved,
        long iteration, long fencingToken, NodeId movesTo, long ranMillis, List<String> hostPorts, SortedMap<String, Integer> pickedPorts) {

    /** One that has not ended yet, or was never seen to run, and publishes no port of its host. */
    public Task(String id, Slot slot, NodeId node, long serviceGeneration, String templateHash, String image, TaskState state, TaskState desired,
            HybridTime claimed, int price, int attempt, long notBefore, long createdMillis, long changedMillis, String message, String error,
            int exitCode, String containerId, int pid, SortedMap<String, String> addresses, Resources reserved,
            long iteration, long fencingToken, NodeId movesTo) {
        this(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, iteration, fencingToken, movesTo, 0, List.of(),
                Collections.emptySortedMap());
    }

    /** One of a service that is no job, which no rule of Starling's own has touched. */
    public Task(String id, Slot slot, NodeId node, long serviceGeneration, String templateHash, String image, TaskState state, TaskState desired,
            HybridTime claimed, int price, int attempt, long notBefore, long createdMillis, long changedMillis, String message, String error,
            int exitCode, String containerId, int pid, SortedMap<String, String> addresses, Resources reserved) {
        this(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, 0, 0, null);
    }

    /** One that reserves nothing. */
    public Task(String id, Slot slot, NodeId node, long serviceGeneration, String templateHash, String image, TaskState state, TaskState desired,
            HybridTime claimed, int price, int attempt, long notBefore, long createdMillis, long changedMillis, String message, String error,
            int exitCode, String containerId, int pid, SortedMap<String, String> addresses) {
        this(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, Resources.NONE);
    }

    /** The message of a task that ended with its agent or host. */
    public static final String LOST = "lost with its node";

    /** Nobody saw it end: its host lost its power, say. That says nothing against its template. */
    public boolean isLost() {
        return state == TaskState.FAILED && message.equals(LOST);
    }

    /** It holds its slot: it runs or is going to. */
    public boolean isActive() {
        return !state.isTerminal() && desired.compareTo(TaskState.RUNNING) <= 0;
    }

    /** The slot's number as Docker shows it: from 1, but a job's from 0, which its CLI counts on. Meaningless for slots by node. */
    public int shownSlot() {
        return iteration > 0 ? slot.index() - 1 : slot.index();
    }

    /** Of a job: it has done its work. */
    public boolean isCompletedWork() {
        return iteration > 0 && state == TaskState.COMPLETE;
    }

    /** The same as a task of a job's iteration, with generic resources. */
    public Task ofJob(long newIteration, GenericResources generic) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses,
                reserved.withGeneric(generic), newIteration, fencingToken, movesTo, ranMillis, hostPorts, pickedPorts);
    }

    /** The same with another wish for it. */
    public Task withDesired(TaskState wish) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, wish, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses,
                reserved, iteration, fencingToken, movesTo, ranMillis, hostPorts, pickedPorts);
    }

    /** The same, to be started while its node holds the slot in this term. */
    public Task withFencingToken(long token) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, iteration, token, movesTo, ranMillis, hostPorts, pickedPorts);
    }

    /** The same, on its way to another node; null: it stays. */
    public Task withMovesTo(NodeId receiver) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses,
                reserved, iteration, fencingToken, receiver, ranMillis, hostPorts, pickedPorts);
    }

    /** The same as seen by the effect runner, in state {@code next}; what the report leaves empty stays. */
    public Task with(TaskState next, TaskReport report, long wallMillis) {
        boolean ended = next.isTerminal();
        long ran = ended && state == TaskState.RUNNING ? Math.max(0, wallMillis - changedMillis) : ranMillis;
        return new Task(id, slot, node, serviceGeneration, templateHash, image, next, desired, claimed, price, attempt, notBefore, createdMillis,
                next == state ? changedMillis : wallMillis, report.message().isEmpty() ? message : report.message(), report.error(), report.exitCode(),
                report.containerId().isEmpty() ? containerId : report.containerId(), ended ? 0 : report.pid(), addresses,
                reserved, iteration, fencingToken, movesTo, ran, hostPorts, pickedPorts);
    }

    /** It ended before it had a container. */
    public Task endedUnstarted(TaskState end, String why, String failure, long wallMillis) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, end, desired, claimed, price, attempt, notBefore, createdMillis,
                wallMillis, why, failure, exitCode, containerId, 0, addresses, reserved, iteration, fencingToken, movesTo, ranMillis, hostPorts, pickedPorts);
    }

    /** The same, with these ports of its host. */
    public Task withHostPorts(List<String> ports) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, iteration, fencingToken, movesTo, ranMillis, ports, pickedPorts);
    }

    /** The same; all of them are among its ports of its host already. */
    public Task withPickedPorts(SortedMap<String, Integer> picked) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, iteration, fencingToken, movesTo, ranMillis, hostPorts,
                picked);
    }

    /** The same as its node's record tells it. */
    public Task withRanMillis(long millis) {
        return new Task(id, slot, node, serviceGeneration, templateHash, image, state, desired, claimed, price, attempt, notBefore, createdMillis,
                changedMillis, message, error, exitCode, containerId, pid, addresses, reserved, iteration, fencingToken, movesTo, millis, hostPorts, pickedPorts);
    }
}
