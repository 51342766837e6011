package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class ServiceEndpointsTest {
    private static final String NET = "net0000000000000000000001";
    private final List<Document> documents = new ArrayList<>();

    private ClusterSnapshot snapshot() {
        List<Document> oldestFirst = documents.stream().sorted(Comparator.comparing((Document d) -> d.object().created()).thenComparing(Document::uid)).toList();
        return Specs.snapshot(oldestFirst, List.of(Specs.document(Kind.NETWORK, NET, Sample.networkBody("net", "10.0.1.0/24", 4097))));
    }

    private static ObjectNode body(String name, String ports) {
        ObjectNode body = Sample.serviceBody(name, 1);
        body.withObject("/Spec/TaskTemplate").putArray("Networks").addObject().put("Target", NET);
        body.withObject("/Spec").set("EndpointSpec", Sample.json("{\"Mode\": \"vip\", \"Ports\": " + ports + "}"));
        return body;
    }

    private void add(String uid, long created, ObjectNode body) {
        documents.add(new Document(new DesiredObject(Kind.SERVICE, uid, HybridTime.of(created, 0), 1, HybridTime.of(created, 0), Specs.SELF, false,
                Bytes.EMPTY, Bytes.EMPTY, Bytes.EMPTY), body));
    }

    private void create(String uid, long created, String ports) {
        ObjectNode body = body(uid, ports);
        ServiceEndpoints.allocate(body, snapshot(), "");
        add(uid, created, body);
    }

    private static List<Integer> published(ServiceEndpoint endpoint) {
        return endpoint.ports().stream().map(ServiceEndpoint.Port::published).toList();
    }

    @Test
    void whatWasPickedStaysWhenOthersGo() {
        for (int i = 0; i < 40; i++) {
            create("svc" + i, 1_000 + i, "[{\"TargetPort\": 80}]");
        }
        SortedMap<String, ServiceEndpoint> before = ServiceEndpoints.of(snapshot());
        assertEquals(40, before.values().stream().flatMap(endpoint -> endpoint.virtualAddresses().values().stream()).distinct().count());
        documents.removeIf(document -> document.name().length() == 4);
        SortedMap<String, ServiceEndpoint> after = ServiceEndpoints.of(snapshot());
        after.forEach((uid, endpoint) -> assertEquals(before.get(uid), endpoint));
    }

    @Test
    void anUpdateKeepsWhatWasPicked() {
        create("web", 1_000, "[{\"TargetPort\": 80}]");
        ServiceEndpoint before = ServiceEndpoints.of(snapshot()).get("web");
        ObjectNode updated = body("web", "[{\"TargetPort\": 90, \"PublishedPort\": 9090}, {\"TargetPort\": 80}]");
        ServiceEndpoints.allocate(updated, snapshot(), "web");
        documents.clear();
        add("web", 1_000, updated);
        ServiceEndpoint after = ServiceEndpoints.of(snapshot()).get("web");
        assertEquals(before.virtualAddresses(), after.virtualAddresses());
        assertEquals(List.of(9090, before.ports().get(0).published()), published(after));
    }

    @Test
    void ofTwoThatAskForAPortTheOlderHasItAndTheYoungerSaysSo() {
        add("young", 2_000, body("young", "[{\"TargetPort\": 80, \"PublishedPort\": 8080}]"));
        add("old", 1_000, body("old", "[{\"TargetPort\": 80, \"PublishedPort\": 8080}]"));
        SortedMap<String, ServiceEndpoint> endpoints = ServiceEndpoints.of(snapshot());
        assertEquals(List.of(8080), published(endpoints.get("old")));
        assertEquals(List.of(), published(endpoints.get("young")));
        assertEquals(List.of("service young: port 8080/tcp is not published, for the older service old has it"), endpoints.get("young").conflicts());
    }

    @Test
    void hostModePortsAreShared() {
        String host = "[{\"TargetPort\": 80, \"PublishedPort\": 8080, \"PublishMode\": \"host\"}]";
        add("a", 1_000, body("a", host));
        add("b", 2_000, body("b", host));
        add("c", 3_000, body("c", "[{\"TargetPort\": 80, \"PublishedPort\": 8080}]"));
        SortedMap<String, ServiceEndpoint> endpoints = ServiceEndpoints.of(snapshot());
        assertEquals(List.of(8080), published(endpoints.get("b")));
        assertEquals(1, endpoints.get("c").conflicts().size());
    }

    @Test
    void aServiceWithoutVirtualAddressSaysDnsrr() {
        ObjectNode body = body("web", "[]");
        body.withObject("/Spec/EndpointSpec").put("Mode", "dnsrr");
        add("web", 1_000, body);
        assertEquals(0, ServiceEndpoints.of(snapshot()).get("web").virtualAddresses().size());
    }

    /** Two sides of a partition pick for the same names from the same start: all clash, and after the merge none does, seen from any node. */
    @Property(tries = 60)
    void afterAPartitionEachAddressAndPortIsHeldOnce(@ForAll @Size(min = 1, max = 25) List<@IntRange(min = 0, max = 30) Integer> left,
            @ForAll @Size(min = 1, max = 25) List<@IntRange(min = 0, max = 30) Integer> right) {
        documents.clear();
        List<Document> merged = new ArrayList<>();
        for (List<Integer> side : List.of(left, right)) {
            documents.clear();
            IntStream.range(0, side.size()).forEach(i -> {
                ObjectNode body = body("n" + side.get(i), "[{\"TargetPort\": 80}]");
                ServiceEndpoints.allocate(body, snapshot(), "");
                add((side == left ? "l" : "r") + i, 1_000 + 7L * side.get(i), body);
            });
            merged.addAll(documents);
        }
        documents.clear();
        documents.addAll(merged);
        SortedMap<String, ServiceEndpoint> endpoints = ServiceEndpoints.of(snapshot());
        List<String> addresses = endpoints.values().stream().map(endpoint -> endpoint.virtualAddresses().get(NET)).toList();
        assertEquals(merged.size(), addresses.stream().distinct().count());
        assertTrue(addresses.stream().noneMatch("10.0.1.255"::equals));
        assertEquals(merged.size(), endpoints.values().stream().map(ServiceEndpointsTest::published).distinct().count());
        for (Document document : merged) { // whose pick was settled keeps it, unless an older one has it
            String kept = document.body().path("Endpoint").path("VirtualIPs").path(NET).asText();
            if (!kept.equals(endpoints.get(document.uid()).virtualAddresses().get(NET))) {
                assertTrue(merged.stream().anyMatch(other -> other != document
                        && other.body().path("Endpoint").path("VirtualIPs").path(NET).asText().equals(kept)
                        && other.object().created().compareTo(document.object().created()) <= 0));
            }
        }
    }

    @Test
    void publishingMakesTasksNewOnceAndScalingDoesNot() {
        ObjectNode plain = Sample.serviceBody("web", 1).withObject("/Spec");
        ObjectNode one = body("web", "[{\"TargetPort\": 80}]").withObject("/Spec");
        one.withObject("/TaskTemplate").remove("Networks");
        assertNotEquals(TaskTemplate.of(plain).hash(), TaskTemplate.of(one).hash());
        ObjectNode two = one.deepCopy();
        two.withObject("/EndpointSpec").set("Ports", Sample.json("{\"v\": [{\"TargetPort\": 80}, {\"TargetPort\": 81}]}").get("v"));
        assertEquals(TaskTemplate.of(one).hash(), TaskTemplate.of(two).hash(), "a second port goes to the tasks that are there");
    }

    @Test
    void aPortThatNodesPickIsNobodysHere() {
        String open = "[{\"TargetPort\": 80, \"PublishMode\": \"host\"}, {\"TargetPort\": 80}]";
        create("a", 1_000, open);
        create("b", 2_000, open);
        SortedMap<String, ServiceEndpoint> endpoints = ServiceEndpoints.of(snapshot());
        for (String uid : List.of("a", "b")) {
            assertTrue(endpoints.get(uid).ports().get(0).isOpen());
            assertTrue(published(endpoints.get(uid)).get(1) >= 30_000);
            assertEquals(List.of(), endpoints.get(uid).conflicts());
            assertEquals(published(endpoints.get(uid)).get(1), documents.stream().filter(document -> document.uid().equals(uid)).findFirst().orElseThrow()
                    .body().path("Endpoint").path("Ports").path("tcp/80").asInt(), "only the one that is the service's is written down");
        }
    }
}
