package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.address.VirtualAddresses;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.function.Predicate;

/**
 * Who has which published port and which virtual address: a function of the desired state, so nodes that agree on that agree on this.
 *
 * <p>The manager that takes a service's spec picks what the spec leaves open, out of what it knows to be free, and writes it into the document
 * ({@link #allocate}): so it stays as it is whatever other services come and go. Managers in two partitions may pick, or be told, the same. Then the
 * older service has it. The younger gets the next free one where it was picked, and goes without where it was asked for by number; it says so.
 * In host mode nothing is picked here: that does each task's node ({@link dev.starling.scheduler.filter.OpenPorts}).
 *
 * <pre>
 * "Endpoint": {"VirtualIPs": {NETWORK: "10.0.1.200"}, "Ports": {"tcp/80": 30007}}     beside "Spec" in a service's body
 * </pre>
 */
public final class ServiceEndpoints {
    private static final String ENDPOINT = "Endpoint";
    private static final String VIRTUAL_IPS = "VirtualIPs";
    private static final String PORTS = "Ports";
    /** As Docker picks them: below the ports that hosts pick for their own connections. */
    private static final int FIRST_PORT = 30_000;
    private static final int PORT_COUNT = 2_768;

    /** A service's claim on something: {@code kept} empty where it is to be picked. */
    private record Service(String uid, String name, JsonNode spec, JsonNode kept) {}

    private final List<Service> oldestFirst;
    private final Map<String, VirtualAddresses> ranges = new HashMap<>();
    private final Map<String, String> gateways = new HashMap<>();
    /** "tcp/8080" to its holder; in host mode several services share one. */
    private final Map<String, Service> portHolders = new HashMap<>();
    private final Map<String, Boolean> ingressPorts = new HashMap<>();
    private final Map<String, String> addressHolders = new HashMap<>();
    private final Map<String, Map<Integer, Integer>> portsOf = new HashMap<>();
    private final Map<String, SortedMap<String, String>> addressesOf = new HashMap<>();
    private final Map<String, List<String>> conflictsOf = new HashMap<>();

    private ServiceEndpoints(List<Service> oldestFirst, List<Document> networks) {
        this.oldestFirst = oldestFirst;
        for (Document network : networks) {
            NetworkSpecReader.overlay(network).filter(overlay -> !network.uid().equals(IngressNetwork.UID)).ifPresent(overlay -> {
                VirtualAddresses.of(overlay.subnet()).ifPresent(range -> ranges.put(network.uid(), range));
                gateways.put(network.uid(), overlay.gateway());
            });
        }
        oldestFirst.forEach(this::keepWhatIsSettled);
        oldestFirst.forEach(this::pickTheRest);
    }

    /** By service. */
    public static SortedMap<String, ServiceEndpoint> of(ClusterSnapshot snapshot) {
        return new ServiceEndpoints(services(snapshot), networks(snapshot)).endpoints();
    }

    /**
     * Writes into {@code body} what is picked for it.
     *
     * @param uid of the service that is updated; empty for a new one
     */
    public static void allocate(ObjectNode body, ClusterSnapshot snapshot, String uid) {
        List<Service> services = new ArrayList<>();
        Service changed = new Service(uid, body.path("Spec").path("Name").asText(""), body.path("Spec"), kept(snapshot, uid));
        services(snapshot).forEach(service -> services.add(service.uid().equals(uid) ? changed : service));
        if (uid.isEmpty()) {
            services.add(changed);
        }
        ServiceEndpoint endpoint = new ServiceEndpoints(services, networks(snapshot)).endpoints().get(uid);
        ObjectNode written = body.putObject(ENDPOINT);
        ObjectNode addresses = written.putObject(VIRTUAL_IPS);
        endpoint.virtualAddresses().forEach(addresses::put);
        ObjectNode ports = written.putObject(PORTS);
        endpoint.ports().stream().filter(port -> !port.isOpen()).forEach(port -> ports.put(key(port.protocol(), port.target()), port.published()));
    }

    private static JsonNode kept(ClusterSnapshot snapshot, String uid) {
        Document before = uid.isEmpty() ? null : snapshot.document(Kind.SERVICE, uid);
        return (before == null ? com.fasterxml.jackson.databind.node.MissingNode.getInstance() : before.body()).path(ENDPOINT);
    }

    private static List<Service> services(ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream()
                .map(document -> new Service(document.uid(), document.name(), document.spec(), document.body().path(ENDPOINT))).toList();
    }

    private static List<Document> networks(ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(Kind.NETWORK, List.of());
    }

    private void keepWhatIsSettled(Service service) {
        forEachNumberedPort(service, (index, port) -> {
            int kept = port.path("PublishedPort").asInt(0) > 0 ? port.path("PublishedPort").asInt()
                    : service.kept().path(PORTS).path(key(protocol(port), port.path("TargetPort").asInt(0))).asInt(0);
            if (kept > 0 && !takePort(service, index, port, kept) && port.path("PublishedPort").asInt(0) > 0) {
                conflictsOf.computeIfAbsent(service.uid(), uid -> new ArrayList<>()).add("service " + service.name() + ": port " + kept + "/"
                        + protocol(port) + " is not published, for the older service " + portHolders.get(protocol(port) + "/" + kept).name() + " has it");
            }
        });
        for (String network : virtualNetworks(service)) {
            String address = service.kept().path(VIRTUAL_IPS).path(network).asText("");
            if (ranges.containsKey(network) && ranges.get(network).contains(address)) {
                takeAddress(service, network, address);
            }
        }
    }

    private void pickTheRest(Service service) {
        forEachNumberedPort(service, (index, port) -> {
            if (port.path("PublishedPort").asInt(0) <= 0 && !portsOf.getOrDefault(service.uid(), Map.of()).containsKey(index)) {
                firstFree(service.name() + " " + index, PORT_COUNT, i -> FIRST_PORT + i, number -> takePort(service, index, port, number));
            }
        });
        for (String network : virtualNetworks(service)) {
            VirtualAddresses range = ranges.get(network);
            if (range != null && !addressesOf.getOrDefault(service.uid(), Collections.emptySortedMap()).containsKey(network)) {
                firstFree(service.name() + " " + network, range.count(), range::address, address -> takeAddress(service, network, address));
            }
        }
    }

    /** From a starting point that is a hash: services that are made at once on two nodes should not all begin with the same. */
    private static <T> Optional<T> firstFree(String seed, int count, IntFunction<T> candidate, Predicate<T> take) {
        int start = (int) (Long.parseLong(CanonicalJson.sha256(seed).substring(0, 8), 16) % count);
        for (int i = 0; i < count; i++) {
            T next = candidate.apply((start + i) % count);
            if (take.test(next)) {
                return Optional.of(next);
            }
        }
        return Optional.empty();
    }

    private boolean takePort(Service service, int index, JsonNode port, int number) {
        String key = protocol(port) + "/" + number;
        Service holder = portHolders.get(key);
        boolean sharable = !isIngress(port) && Boolean.FALSE.equals(ingressPorts.get(key));
        if (holder != null && !sharable) {
            return false;
        }
        portHolders.putIfAbsent(key, service);
        ingressPorts.put(key, isIngress(port));
        portsOf.computeIfAbsent(service.uid(), uid -> new LinkedHashMap<>()).put(index, number);
        return true;
    }

    private boolean takeAddress(Service service, String network, String address) {
        if (address.equals(gateways.get(network)) || addressHolders.putIfAbsent(network + " " + address, service.uid()) != null) {
            return false;
        }
        addressesOf.computeIfAbsent(service.uid(), uid -> new TreeMap<>()).put(network, address);
        return true;
    }

    private SortedMap<String, ServiceEndpoint> endpoints() {
        TreeMap<String, ServiceEndpoint> result = new TreeMap<>();
        for (Service service : oldestFirst) {
            List<ServiceEndpoint.Port> ports = new ArrayList<>();
            Map<Integer, Integer> numbers = portsOf.getOrDefault(service.uid(), Map.of());
            forEachPort(service, (index, port) -> {
                if (numbers.containsKey(index) || isOpen(port)) {
                    ports.add(new ServiceEndpoint.Port(port.path("Name").asText(""), protocol(port), port.path("TargetPort").asInt(0),
                            numbers.getOrDefault(index, 0), isIngress(port)));
                }
            });
            result.put(service.uid(), new ServiceEndpoint(List.copyOf(ports), Collections.unmodifiableSortedMap(
                    addressesOf.getOrDefault(service.uid(), new TreeMap<>())), List.copyOf(conflictsOf.getOrDefault(service.uid(), List.of()))));
        }
        return Collections.unmodifiableSortedMap(result);
    }

    /** None for dnsrr. */
    private static List<String> virtualNetworks(Service service) {
        if (service.spec().path("EndpointSpec").path("Mode").asText("").equals("dnsrr")) {
            return List.of();
        }
        List<String> networks = new ArrayList<>();
        service.spec().path("TaskTemplate").path("Networks").forEach(network -> {
            String target = network.path("Target").asText("");
            if (!target.isEmpty() && !networks.contains(target)) {
                networks.add(target);
            }
        });
        return networks;
    }

    private interface PortVisitor {
        void visit(int index, JsonNode port);
    }

    private static void forEachPort(Service service, PortVisitor visitor) {
        JsonNode ports = service.spec().path("EndpointSpec").path("Ports");
        for (int i = 0; i < ports.size(); i++) {
            visitor.visit(i, ports.get(i));
        }
    }

    private static void forEachNumberedPort(Service service, PortVisitor visitor) {
        forEachPort(service, (index, port) -> {
            if (!isOpen(port)) {
                visitor.visit(index, port);
            }
        });
    }

    /** Published on the nodes of the tasks, under numbers which those pick. */
    public static boolean isOpen(JsonNode port) {
        return !isIngress(port) && port.path("PublishedPort").asInt(0) <= 0;
    }

    /** Published on the nodes of the tasks, under the number that the spec says. */
    public static boolean isFixed(JsonNode port) {
        return !isIngress(port) && !isOpen(port);
    }

    /** "tcp/8080": those which a service asks for by number, to be published on every node. */
    public static List<String> ingressPorts(JsonNode serviceSpec) {
        List<String> ports = new ArrayList<>();
        serviceSpec.path("EndpointSpec").path("Ports").forEach(port -> {
            if (isIngress(port) && port.path("PublishedPort").asInt(0) > 0) {
                ports.add(key(protocol(port), port.path("PublishedPort").asInt()));
            }
        });
        return ports;
    }

    static boolean isIngress(JsonNode port) {
        return !port.path("PublishMode").asText("").equals("host");
    }

    static String protocol(JsonNode port) {
        return JsonValues.string(port.path("Protocol"), "tcp");
    }

    private static String key(String protocol, int target) {
        return protocol + "/" + target;
    }
}
