package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.Errno;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.balance.Balancer;
import dev.starling.netlink.balance.HostNetworks;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.node.Sample;
import dev.starling.node.agent.LoopbackNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of the containers of a node where the rules of one of them fail. */
@Timeout(300)
class ServiceAddressesTest {
    private static final String BACK = "netback";

    private final List<Process> containers = new ArrayList<>();
    private final ToldBalancer balancer = new ToldBalancer();

    @AfterEach
    void end() throws InterruptedException {
        for (Process container : containers) {
            container.destroyForcibly().waitFor();
        }
    }

    /** A process with a network namespace of its own: that is all of a container that rules need. */
    private Process container() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("unshare", "--net", "sleep", "600").start();
        containers.add(process);
        Path netns = Path.of("/proc/" + process.pid() + "/ns/net");
        Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
        for (long end = System.nanoTime() + Duration.ofSeconds(60).toNanos(); Files.readSymbolicLink(netns).equals(own); Thread.sleep(5)) {
            assertTrue(System.nanoTime() < end, "unshare did not make a network namespace within 60 s");
        }
        return process;
    }

    private Task web(int index) throws IOException, InterruptedException {
        String id = "task" + index;
        return Sample.task(id, Slot.replica("web", index), N1, TaskState.STARTING, Map.of(BACK, "10.0.1." + (index + 1) + "/24"))
                .with(TaskState.RUNNING, new TaskReport(id, TaskState.RUNNING, "", "", -1, id, (int) container().pid()), 2_000);
    }

    @Test
    void oneThatDoesNotTakeItsRulesKeepsNoOtherWithoutTheirs() throws Exception {
        assumeTrue(Files.isWritable(Path.of("/proc/sys/kernel/hostname")), "network namespaces need root");
        ObjectNode service = Sample.serviceBody("web", 3);
        service.withObject("/Spec/TaskTemplate").putArray("Networks").addObject().put("Target", BACK);
        ClusterSnapshot snapshot = new Sample.Cluster().node(N1, "192.0.2.1", true).has(Kind.SERVICE, "web", service)
                .has(Kind.NETWORK, BACK, Sample.networkBody("back", "10.0.1.0/24", 4097)).runs(web(1)).runs(web(2)).runs(web(3)).snapshot();
        OverlayPlan plan = OverlayPlan.of(snapshot, Underlay.open("192.0.2.1"), Collections.emptySortedMap());
        try (ServiceAddresses services = new ServiceAddresses(balancer, new LoopbackNode.NoOverlay(), List.of())) {
            balancer.refused = "task1";
            NetlinkException failure = assertThrows(NetlinkException.class, () -> services.reconcile(snapshot, plan));
            assertEquals(Errno.EINVAL, failure.errno());
            assertEquals(List.of("task2", "task3"), balancer.programmed);
            balancer.refused = "";
            services.reconcile(snapshot, plan);
            assertTrue(balancer.programmed.subList(2, balancer.programmed.size()).contains("task1"), "the round that failed is made up for");
        }
    }

    private static final class ToldBalancer implements Balancer {
        final List<String> programmed = new ArrayList<>();
        String refused = "";

        @Override
        public List<String> missing() {
            return List.of();
        }

        @Override
        public Optional<String> missingForAffinity() {
            return Optional.empty();
        }

        @Override
        public Optional<String> missingForIpv6() {
            return Optional.empty();
        }

        @Override
        public void host(HostNetworks ipv4, HostNetworks ipv6) {
            assertEquals(HostNetworks.NONE, ipv6);
        }

        @Override
        public void container(String key, Path netns, SortedMap<String, VirtualService> services) {
            if (key.equals(refused)) {
                throw new NetlinkException("nft batch in " + netns, Errno.EINVAL, "");
            }
            programmed.add(key);
        }

        @Override
        public void forgetAllBut(SortedSet<String> keys) {
            assertEquals(new TreeSet<>(List.of("task1", "task2", "task3")), keys);
        }

        @Override
        public void remove() {
            throw new AssertionError("not expected");
        }
    }
}
