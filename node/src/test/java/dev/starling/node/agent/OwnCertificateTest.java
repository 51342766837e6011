package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class OwnCertificateTest {
    private static final Endpoint CONFIGURED = new Endpoint("192.0.2.9", 2377);

    /** One node with a fault, or in foreign hands, must not keep all the others from their certificates. */
    @Test
    void whatIsNoManagersAddressIsPassedOver() {
        SortedMap<NodeId, Member> members = new TreeMap<>();
        SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        know(members, reports, Sample.N1, "192.0.2.1", Role.MANAGER, "192.0.2.1:2377");
        know(members, reports, Sample.N2, "192.0.2.2", Role.MANAGER, "192.0.2.2:no port");
        know(members, reports, Sample.N3, "192.0.2.3", Role.WORKER, "198.51.100.1:2377"); // its report says manager
        ClusterSnapshot empty = new Sample.Cluster().snapshot();
        ClusterSnapshot snapshot = new ClusterSnapshot(Sample.N1, Role.MANAGER, members, reports, empty.view(), empty.documents());
        assertEquals(List.of(CONFIGURED, new Endpoint("192.0.2.2", 2377)), OwnCertificate.joinAddresses(snapshot, List.of(CONFIGURED), 2377));
    }

    private static void know(SortedMap<NodeId, Member> members, SortedMap<NodeId, NodeReport> reports, NodeId id, String host, Role role, String apiAddress) {
        members.put(id, new Member(id, new Endpoint(host, 7946), role, 1, 0, MemberStatus.ALIVE));
        NodeReport report = Sample.report(id.value(), host);
        reports.put(id, new NodeReport(report.hostname(), report.address(), apiAddress, report.role(), report.platform(), report.capacity(), report.engineVersion(),
                report.engineLabels(), report.images(), report.warnings()));
    }
}
