package dev.starling.node.core;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static dev.starling.node.Sample.N3;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.node.Sample;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ViewBuilderTest {
    private final ViewBuilder builder = new ViewBuilder(N1, new DockerSpecReader(), ValueReader.ofNode());
    private final SortedMap<NodeId, Member> members = new TreeMap<>();

    @BeforeEach
    void twoEnrolledNodes() {
        enrol(N1);
        enrol(N2);
        member(N1, MemberStatus.ALIVE);
        member(N2, MemberStatus.ALIVE);
        builder.recordChanged(N1, RecordKeys.NODE, RecordCodec.encode(Sample.report("one", "10.0.0.1")));
        builder.recordChanged(N2, RecordKeys.NODE, RecordCodec.encode(Sample.report("two", "10.0.0.2")));
    }

    private void enrol(NodeId node) {
        builder.desiredChanged(Sample.object(Kind.NODE, node.value(), 1_000, 1, false, Sample.nodeBody("active").toString()));
    }

    private void member(NodeId node, MemberStatus status) {
        members.put(node, new Member(node, new Endpoint("10.0.0.9", 7946), Role.MANAGER, 1, 0, status));
        builder.membersChanged();
    }

    private void put(NodeId node, Task task) {
        builder.recordChanged(node, RecordKeys.task(task.id()), RecordCodec.encode(task));
    }

    private static Task task(String id, NodeId node) {
        return Sample.task(id, Slot.replica("web", 1), node, TaskState.RUNNING, Map.of());
    }

    @Test
    void theClustersDocumentSaysHowMuchHistoryIsKept() {
        assertEquals(5, builder.view(members).taskHistoryLimit(), "Docker's default");
        builder.desiredChanged(Sample.object(Kind.CLUSTER, "cluster", 1_000, 1, false,
                "{\"Spec\": {\"Name\": \"default\", \"Orchestration\": {\"TaskHistoryRetentionLimit\": 2}}}"));
        assertEquals(2, builder.view(members).taskHistoryLimit());
        builder.desiredChanged(Sample.object(Kind.CLUSTER, "cluster", 1_000, 2, false, "{\"Spec\": {\"Name\": \"default\"}}"));
        assertEquals(5, builder.view(members).taskHistoryLimit(), "a client that leaves it out");
    }

    @Test
    void whoIsUnderSuspicionIsReadyAndSaidToBeSuspected() {
        View before = builder.view(members);
        assertTrue(before.suspected().isEmpty());
        members.put(N2, members.get(N2).with(MemberStatus.SUSPECT));
        builder.suspicionsChanged();
        View suspecting = builder.view(members);
        assertEquals(List.of(N2), List.copyOf(suspecting.suspected()));
        assertSame(before.nodes(), suspecting.nodes(), "which are as they were");
        member(N2, MemberStatus.DEAD);
        assertTrue(builder.view(members).suspected().isEmpty());
    }

    @Test
    void aNodeIsReadyWhenItIsUpAndHasReported() {
        enrol(N3);
        member(N3, MemberStatus.ALIVE);
        View before = builder.view(members);
        assertTrue(before.nodes().get(N2).ready());
        assertFalse(before.nodes().get(N3).ready(), "up, but what it can do is not known yet");
        builder.recordChanged(N3, RecordKeys.NODE, RecordCodec.encode(Sample.report("three", "10.0.0.3")));
        assertTrue(builder.view(members).nodes().get(N3).ready());
        member(N2, MemberStatus.SUSPECT);
        assertTrue(builder.view(members).nodes().get(N2).ready(), "a suspicion is no verdict");
        member(N2, MemberStatus.DEAD);
        assertFalse(builder.view(members).nodes().get(N2).ready());
        assertEquals("two", builder.view(members).nodes().get(N2).hostname(), "Docker shows dead nodes as Down, with their names");
    }

    @Test
    void whoeverIsNotEnrolledTakesNoPart() {
        member(N3, MemberStatus.ALIVE);
        builder.recordChanged(N3, RecordKeys.NODE, RecordCodec.encode(Sample.report("three", "10.0.0.3")));
        put(N3, task("t1", N3));
        View view = builder.view(members);
        assertNull(view.nodes().get(N3));
        assertNull(view.tasks().get(N3));
    }

    @Test
    void aValueThatDoesNotParseIsLeftOutAndCounted() {
        put(N2, task("t1", N2));
        builder.recordChanged(N2, RecordKeys.task("t1"), Bytes.of(new byte[] {1, 2, 3}));
        assertEquals(List.of(), builder.view(members).tasks().get(N2));
        assertEquals(1, builder.malformedValues());
        put(N2, task("t1", N2));
        assertEquals(List.of(task("t1", N2)), builder.view(members).tasks().get(N2), "the next good value counts again");
    }

    @Test
    void keysOfANewerReleaseAreNoFault() {
        builder.recordChanged(N2, "battery", Bytes.of(new byte[] {9}));
        assertEquals(0, builder.malformedValues());
    }

    @Test
    void aRecordSpeaksOfItsOwnersTasksOnly() {
        put(N2, task("t1", N1));
        builder.recordChanged(N2, RecordKeys.task("t2"), RecordCodec.encode(task("t3", N2)));
        assertEquals(List.of(), builder.view(members).tasks().get(N2));
        assertEquals(2, builder.malformedValues());
    }

    @Test
    void aNewBootReplacesTheRecord() {
        put(N2, task("t1", N2));
        TreeMap<String, Bytes> fresh = new TreeMap<>();
        fresh.put(RecordKeys.task("t2"), RecordCodec.encode(task("t2", N2)));
        builder.recordReplaced(N2, fresh);
        assertEquals(List.of(task("t2", N2)), builder.view(members).tasks().get(N2));
        assertFalse(builder.view(members).nodes().get(N2).ready(), "its report went with the old record");
    }

    @Test
    void viewsDoNotChangeAfterwards() {
        View before = builder.view(members);
        ClusterSnapshot snapshot = builder.snapshot(Role.MANAGER, members, before);
        put(N2, task("t1", N2));
        member(N3, MemberStatus.ALIVE);
        builder.desiredChanged(Sample.object(Kind.SERVICE, "web", 2_000, 1, false, Sample.serviceBody("web", 1).toString()));
        assertEquals(List.of(), before.tasks().get(N2));
        assertTrue(before.services().isEmpty());
        assertTrue(snapshot.documents().get(Kind.SERVICE).isEmpty());
        assertNull(snapshot.members().get(N3));
    }

    @Test
    void documentsStandOldestFirst() {
        builder.desiredChanged(Sample.object(Kind.SERVICE, "b", 2_000, 1, false, Sample.serviceBody("web", 1).toString()));
        builder.desiredChanged(Sample.object(Kind.SERVICE, "c", 1_000, 1, false, Sample.serviceBody("web", 2).toString()));
        builder.desiredChanged(Sample.object(Kind.SERVICE, "a", 2_000, 1, false, Sample.serviceBody("web", 3).toString()));
        assertEquals(List.of("c", "a", "b"), builder.documents(Kind.SERVICE).stream().map(Document::uid).toList());
    }

    @Test
    void tombstonesAndBodiesThatAreNoJsonShowNothing() {
        builder.desiredChanged(Sample.object(Kind.SERVICE, "web", 1_000, 1, false, Sample.serviceBody("web", 1).toString()));
        builder.desiredChanged(Sample.object(Kind.SERVICE, "web", 1_000, 2, true, ""));
        builder.desiredChanged(Sample.object(Kind.SERVICE, "odd", 1_000, 1, false, "[1"));
        assertTrue(builder.view(members).services().isEmpty());
        assertEquals(1, builder.malformedValues(), "a tombstone has no body to read");
    }

    @Test
    void aForgottenNodesTasksGo() {
        put(N2, task("t1", N2));
        builder.forget(N2);
        assertEquals(List.of(), builder.tasks(N2));
    }
}
