package dev.starling.node.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PrefetchChoiceTest {
    private static final String DIGEST = "sha256:" + "a1".repeat(32);
    private static final String IMAGE = "registry.example/app:1@" + DIGEST;
    private static final Slot SLOT = Slot.replica("app", 1);

    private String image = IMAGE;
    private final Map<NodeId, String> sites = new TreeMap<>(Map.of(Sample.N1, "shop", Sample.N2, "shop", Sample.N3, "shop"));
    private final Set<NodeId> having = new TreeSet<>(Set.of(Sample.N2));
    private final Set<NodeId> down = new TreeSet<>();

    /** The one task of a service runs on the second node; this is the first. */
    private Optional<String> chosen(boolean here) {
        var body = Sample.json("""
                {"Spec": {"Name": "app", "TaskTemplate": {"ContainerSpec": {"Image": "%s"}}, "Mode": {"Replicated": {"Replicas": 1}}}}""".formatted(image));
        ServiceSpec service = ServiceSpecReader.fromBody(Sample.document(Kind.SERVICE, "app", body));
        Sample.Cluster cluster = new Sample.Cluster();
        List.of(Sample.N1, Sample.N2, Sample.N3).forEach(node -> cluster.node(node, "10.0.0." + node.value().charAt(4), !down.contains(node)));
        ClusterSnapshot plain = cluster.snapshot();
        SortedMap<NodeId, Member> members = new TreeMap<>();
        SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        SortedMap<NodeId, NodeView> nodes = new TreeMap<>();
        plain.view().nodes().forEach((id, node) -> {
            members.put(id, new Member(id, new Endpoint("10.0.0.1", 1), Role.MANAGER, 1, 1, down.contains(id) ? MemberStatus.DEAD : MemberStatus.ALIVE));
            TreeSet<String> images = new TreeSet<>(having.contains(id) ? Set.of(DIGEST) : Set.of());
            NodeReport report = plain.reports().get(id);
            reports.put(id, new NodeReport(report.hostname(), report.address(), report.apiAddress(), report.role(), report.platform(), report.capacity(),
                    report.engineVersion(), new TreeMap<>(Map.of("site", sites.get(id))), images, report.warnings()));
            nodes.put(id, new NodeView(id, node.hostname(), node.address(), node.role(), node.ready(), node.availability(), node.labels(), node.engineLabels(),
                    node.platform(), node.capacity(), images));
        });
        Task task = new Task("t1", SLOT, Sample.N2, 1, service.templateHash(), image, TaskState.RUNNING, TaskState.RUNNING,
                dev.starling.gossip.desired.HybridTime.of(1_000, 0), 0, 0, 0, 1_000, 1_000, "", "", -1, "", 0, Collections.emptySortedMap());
        View view = new View(nodes, new TreeMap<>(Map.of("app", service)), new TreeMap<>(), new TreeMap<>(Map.of(Sample.N2, List.of(task))), new TreeMap<>(),
                new TreeMap<>());
        ClusterSnapshot snapshot = new ClusterSnapshot(Sample.N1, Role.MANAGER, members, reports, view, new TreeMap<>());
        return PrefetchChoice.of(snapshot, name -> here, 0);
    }

    @Test
    void theNextNodeInLineFetchesWhatANeighbourHas() {
        down.add(Sample.N3);
        assertEquals(Optional.of(IMAGE), chosen(false));
        assertEquals(Optional.empty(), chosen(true), "it is here already");
        image = "registry.example/app:1";
        assertEquals(Optional.empty(), chosen(false), "what the tag stands for may be another image by now");
    }

    @Test
    void oneSpareIsEnough() {
        having.add(Sample.N3);
        assertEquals(Optional.empty(), chosen(false), "the third node has it, and so would be the next");
    }

    @Test
    void nothingComesFromAnotherSite() {
        down.add(Sample.N3);
        sites.put(Sample.N2, "depot");
        assertEquals(Optional.empty(), chosen(false));
    }
}
