package dev.starling.netlink.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.netlink.Request;
import dev.starling.netlink.route.FdbEntry;
import dev.starling.netlink.route.Neighbor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class RemoteTableTest {
    private static final int VXLAN = 5;
    private static final int UNDERLAY = 2;
    private static final int BRIDGE = 4;
    private static final int LEG = 6;
    private static final OverlayNetwork NETWORK =
        new OverlayNetwork("k3v9x0a1b2c3d4e5f6g7h8i9j", 4097, "10.0.0.0/24", "10.0.0.1", false, 1450, false, "fd00:1::/64");

    /** The three tables of a kernel, changed by what requests say of themselves. */
    private static final class Kernel {
        private final List<FdbEntry> fdb = new ArrayList<>();
        private final List<Neighbor> neighbors = new ArrayList<>();

        void apply(Request request) {
            String[] words = request.operation().split(" ");
            switch (words[0] + " " + words[1] + " " + words[words.length - 1]) {
                case "fdb replace extern_learn" -> {
                    fdb.removeIf(entry -> entry.mac().equals(words[2]));
                    fdb.add(self(words[2], words[6]));
                    fdb.add(master(words[2]));
                }
                case "fdb delete self" -> fdb.removeIf(entry -> !entry.ofBridge() && entry.mac().equals(words[2]));
                case "fdb delete master" -> fdb.removeIf(entry -> entry.ofBridge() && entry.device() == VXLAN && entry.mac().equals(words[2]));
                case "neigh replace " + BRIDGE -> {
                    neighbors.removeIf(neighbor -> neighbor.address().equals(words[2]));
                    neighbors.add(new Neighbor(BRIDGE, words[2], words[4], true));
                }
                case "neigh delete " + BRIDGE -> neighbors.removeIf(neighbor -> neighbor.address().equals(words[2]));
                default -> throw new AssertionError(request.operation());
            }
        }
    }

    @Property(tries = 300)
    void fromAnyStateOneRoundReachesTheTableAndASecondFindsNothingToDo(@ForAll("kernels") Kernel kernel, @ForAll("remotes") List<RemoteEndpoint> remotes) {
        List<FdbEntry> foreign = kernel.fdb.stream().filter(entry -> entry.device() == LEG).toList();
        RemoteTable table = RemoteTable.of(NETWORK, remotes, Set.of(), "172.30.0.9");
        List.copyOf(table.changes(VXLAN, UNDERLAY, BRIDGE, kernel.fdb, kernel.neighbors)).forEach(kernel::apply);

        SortedMap<String, String> reached = new TreeMap<>();
        kernel.fdb.stream().filter(entry -> !entry.ofBridge()).forEach(entry -> assertEquals(null, reached.put(entry.mac(), entry.destination())));
        SortedMap<String, String> wanted = new TreeMap<>();
        table.vteps().forEach((address, vtep) -> wanted.put(MacAddress.of(address), vtep));
        assertEquals(wanted, reached);
        assertEquals(List.of(), table.changes(VXLAN, UNDERLAY, BRIDGE, kernel.fdb, kernel.neighbors));
        assertTrue(kernel.fdb.containsAll(foreign), "entries of local legs stay");
    }

    @Test
    void localAndLoopingEndpointsAreLeftOutAndTheSmallerVtepWins() {
        RemoteTable table = RemoteTable.of(NETWORK, List.of(new RemoteEndpoint("10.0.0.2", "172.30.0.3"), new RemoteEndpoint("10.0.0.2", "172.30.0.2"),
            new RemoteEndpoint("10.0.0.3", "172.30.0.1"), new RemoteEndpoint("10.0.0.4", "172.30.0.2")), Set.of("02:42:0a:00:00:04"), "172.30.0.1");
        assertEquals(new TreeMap<>(java.util.Map.of("10.0.0.2", "172.30.0.2")), table.vteps());
    }

    @Provide
    Arbitrary<List<RemoteEndpoint>> remotes() {
        return Combinators.combine(addresses(), hosts()).as(RemoteEndpoint::new).list().ofMaxSize(8);
    }

    @Provide
    Arbitrary<Kernel> kernels() {
        Arbitrary<FdbEntry> entries = Arbitraries.oneOf(
            Combinators.combine(addresses(), hosts()).as((address, host) -> self(MacAddress.of(address), host)),
            addresses().map(address -> master(MacAddress.of(address))),
            addresses().map(address -> new FdbEntry(LEG, "06" + MacAddress.of(address).substring(2), "", true, false, true)));
        Arbitrary<Neighbor> neighbors = Combinators.combine(addresses(), addresses())
            .as((address, other) -> new Neighbor(BRIDGE, address, MacAddress.of(other), true));
        return Combinators.combine(entries.list().ofMaxSize(8).uniqueElements(entry -> entry.mac() + entry.ofBridge()), Arbitraries.oneOf(neighbors, Arbitraries.integers().between(2, 40).map(last ->
                new Neighbor(BRIDGE, "fd00:1::" + Integer.toHexString(last), MacAddress.of("10.0.0." + last % 12), true))).list().ofMaxSize(5).uniqueElements(Neighbor::address))
            .as((fdb, known) -> {
                Kernel kernel = new Kernel();
                kernel.fdb.addAll(fdb);
                kernel.neighbors.addAll(known);
                return kernel;
            });
    }

    private static Arbitrary<String> addresses() {
        return Arbitraries.integers().between(2, 9).map(last -> "10.0.0." + last);
    }

    private static Arbitrary<String> hosts() {
        return Arbitraries.integers().between(1, 3).map(last -> "172.30.0." + last);
    }

    private static FdbEntry self(String mac, String host) {
        return new FdbEntry(VXLAN, mac, host, false, true, true);
    }

    private static FdbEntry master(String mac) {
        return new FdbEntry(VXLAN, mac, "", true, true, false);
    }
}
