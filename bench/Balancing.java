import dev.starling.netlink.NetNs;
import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.Choice;
import dev.starling.netlink.balance.HostNetworks;
import dev.starling.netlink.balance.NetfilterBalancer;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.netlink.nft.Transport;
import dev.starling.netlink.overlay.NetlinkOverlay;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What service addresses cost at scale. Called by balancing.sh, which makes the namespaces HOST (balances), CLIENT (behind HOST), INSIDE (a container of
 * HOST's ingress bridge), TASKS (four servers on that bridge, 10.255.0.2 to .5, port 80), FAR (a host at the other end of a tunnel, with four servers,
 * 10.255.1.2 to .5) and, for "program", one for each network.
 *
 * <pre>
 * program HOST CONTAINER...            100 networks, 1,000 services of 10 tasks, from nothing; then changes of one service
 * connections HOST FAR CLIENT INSIDE N ROUNDS CPU WITHIN PID...   new connections a second, and the CPU time of ab and of the processes PID for each, by a published
 *                                      port and by a virtual address; medians, and ratios within a round to two kinds of direct ones: by the same way with the same rules to a task's own
 *                                      address, and without any rules
 * changes HOST CLIENT N                N changes of a service's backends under load
 * </pre>
 */
public final class Balancing {
    private static final int NETWORKS = 100;
    private static final int SERVICES = 10;
    private static final int TASKS = 10;
    private static final String INGRESS = "ingress00000000000000000";
    private static final int[][] BACKENDS = {{2, 3}, {2}, {3, 4, 5}, {5}, {2, 3, 4, 5}, {4, 5}};
    /** balancing.sh gives the client's namespaces these. */
    private static final int FIRST_CLIENT = 10;
    private static final int LAST_CLIENT = 249;
    private static int clients = FIRST_CLIENT;

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "program" -> program(Path.of(arguments[1]), Arrays.stream(arguments).skip(2).map(Path::of).toList());
            case "connections" -> connections(Path.of(arguments[1]), Path.of(arguments[2]), Path.of(arguments[3]), Path.of(arguments[4]),
                    Integer.parseInt(arguments[5]), Integer.parseInt(arguments[6]), arguments[7], Duration.ofSeconds(Long.parseLong(arguments[8])),
                    Arrays.stream(arguments).skip(9).map(pid -> Path.of("/proc", pid, "schedstat")).toList());
            case "changes" -> changes(Path.of(arguments[1]), Path.of(arguments[2]), Integer.parseInt(arguments[3]));
            default -> throw new IllegalArgumentException("program, connections or changes, not " + arguments[0]);
        }
    }

    // ---- program

    private static OverlayNetwork network(int number) {
        return new OverlayNetwork("n%03dxxxxxxxxxxxxxxxxxxxxx".formatted(number), 4_096 + number, "10.%d.%d.0/24".formatted(20 + number / 100, number % 100),
                "10.%d.%d.1".formatted(20 + number / 100, number % 100), false, 1_450);
    }

    private static String task(int network, int service, int task) {
        return "10.%d.%d.%d".formatted(20 + network / 100, network % 100, 2 + service * TASKS + task);
    }

    private static TreeSet<RemoteEndpoint> remotes(int network, int changed) {
        TreeSet<RemoteEndpoint> remotes = new TreeSet<>();
        for (int i = 0; i < SERVICES * TASKS; i++) {
            if (i != changed) {
                remotes.add(new RemoteEndpoint(task(network, i / TASKS, i % TASKS), "192.0.2." + (2 + i % 4)));
            }
        }
        return remotes;
    }

    /** All services publish a port. */
    private static HostNetworks published(NetlinkOverlay overlay) {
        List<PublishedPort> ports = new ArrayList<>();
        for (int service = 0; service < NETWORKS * SERVICES; service++) {
            ports.add(published(service, -1));
        }
        List<HostNetworks.Network> networks = new ArrayList<>();
        for (int i = 0; i < NETWORKS; i++) {
            networks.add(new HostNetworks.Network(overlay.bridge(network(i).uid()), network(i).subnet(), false));
        }
        return new HostNetworks(networks, Optional.of(new HostNetworks.Ingress(overlay.bridge(INGRESS), "10.255.0.1")), ports);
    }

    private static PublishedPort published(int service, int changed) {
        TreeSet<Backend> backends = new TreeSet<>();
        for (int i = 0; i < TASKS; i++) {
            if (i != changed) {
                int number = service * TASKS + i;
                backends.add(new Backend("10.255.%d.%d".formatted(1 + number / 250, 1 + number % 250), 80, i == 0));
            }
        }
        return new PublishedPort(Transport.TCP, 20_000 + service, backends, Choice.RANDOM);
    }

    /** The others as they are: what has not changed is the same object in the agent's plans, too. */
    private static HostNetworks with(HostNetworks host, int index, PublishedPort changed) {
        List<PublishedPort> ports = new ArrayList<>(host.ports());
        ports.set(index, changed);
        return new HostNetworks(host.networks(), host.ingress(), ports);
    }

    private static TreeMap<String, VirtualService> behind(int network, int changed) {
        TreeMap<String, VirtualService> services = new TreeMap<>();
        for (int service = 0; service < SERVICES; service++) {
            TreeSet<String> tasks = new TreeSet<>();
            for (int i = 0; i < TASKS; i++) {
                if (service != 0 || i != changed) {
                    tasks.add(task(network, service, i));
                }
            }
            services.put("10.%d.%d.%d".formatted(20 + network / 100, network % 100, 200 + service), new VirtualService(tasks, Choice.RANDOM));
        }
        return services;
    }

    private static void program(Path hostPath, List<Path> containers) throws Exception {
        NetNs host = NetNs.at(hostPath);
        NetlinkOverlay overlay = new NetlinkOverlay(host, Optional.of("underlay"));
        NetfilterBalancer balancer = new NetfilterBalancer(host);
        Clock all = new Clock();
        Clock part = new Clock();
        overlay.ensure(new OverlayNetwork(INGRESS, 4_095, OVERLAY, "10.255.0.1", false, 1_450), "192.0.2.1");
        for (int i = 0; i < NETWORKS; i++) {
            overlay.ensure(network(i), "192.0.2.1");
        }
        part.say("100 networks' devices");
        for (int i = 0; i < NETWORKS; i++) {
            overlay.sync(network(i), remotes(i, -1));
        }
        part.say("10,000 remote tasks in FDB and neighbour tables");
        HostNetworks published = published(overlay);
        balancer.host(published, HostNetworks.NONE);
        part.say("1,000 published ports of 10 tasks");
        for (int i = 0; i < containers.size(); i++) {
            balancer.container("c" + i, containers.get(i), behind(i % NETWORKS, -1));
        }
        part.say("virtual addresses in " + containers.size() + " containers, 10 services of 10 tasks each");
        all.say("ALL FROM NOTHING (goal 3 s)");
        for (String warm : List.of("first 20 changes (cold)", "next 100 changes", "100 more")) {
            int count = warm.startsWith("first") ? 20 : 100;
            Clock clock = new Clock();
            for (int i = 0; i < count; i++) {
                balancer.host(with(published, 0, published(0, i % TASKS)), HostNetworks.NONE);
            }
            clock.each("port's rules, " + warm, count);
            for (int i = 0; i < count; i++) {
                balancer.container("c0", containers.get(0), behind(0, i % TASKS));
            }
            clock.each("a container's rules, " + warm, count);
            for (int i = 0; i < count; i++) {
                overlay.sync(network(0), remotes(0, i % TASKS));
            }
            clock.each("FDB and neighbour, " + warm, count);
        }
        overlay.close();
    }

    /** Wall clock and CPU of this process, the kernel's work for it included. */
    private static final class Clock {
        private long wall = System.nanoTime();
        private long cpu = cpu();

        void say(String what) {
            System.out.printf("%-70s %6d ms  CPU %6d ms%n", what, (System.nanoTime() - wall) / 1_000_000, (cpu() - cpu) / 1_000_000);
            restart();
        }

        void each(String what, int count) {
            System.out.printf("%-70s %8.1f ms  CPU %6.1f ms each%n", what, (System.nanoTime() - wall) / 1e6 / count, (cpu() - cpu) / 1e6 / count);
            restart();
        }

        private void restart() {
            wall = System.nanoTime();
            cpu = cpu();
        }

        private static long cpu() {
            return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
        }
    }

    // ---- connections and changes

    private static PublishedPort port80(Choice choice, int... backends) {
        TreeSet<Backend> all = new TreeSet<>();
        for (int backend : backends) {
            all.add(new Backend("10.255.0." + backend, 80, true));
        }
        return new PublishedPort(Transport.TCP, 80, all, choice);
    }

    /** Port 80 among a thousand others. */
    private static HostNetworks host(PublishedPort port, NetlinkOverlay overlay) {
        List<PublishedPort> ports = new ArrayList<>(published(overlay).ports());
        ports.add(port);
        return new HostNetworks(List.of(new HostNetworks.Network("sb-ingress000", OVERLAY, false)),
                Optional.of(new HostNetworks.Ingress("sb-ingress000", "10.255.0.1")), ports);
    }

    /**
     * A way to a task.
     *
     * @param rules  whether the host (for clients from outside) or the container that calls has a node's rules
     * @param target an address to connect to
     * @param among  the first three bytes of the tasks' addresses
     */
    private record Way(String name, boolean fromOutside, boolean rules, Choice choice, String target, String among) {
        TreeSet<Backend> backends() {
            TreeSet<Backend> backends = new TreeSet<>();
            for (int i = 2; i <= 5; i++) {
                backends.add(new Backend(among + i, 80, among.equals(LOCAL)));
            }
            return backends;
        }

        /** To the task's own address, by a host with rules, which keep clients outside from just that. */
        boolean isKeptOut() {
            return fromOutside && rules && target.startsWith(among);
        }
    }

    private static final String OVERLAY = "10.255.0.0/16";
    private static final String LOCAL = "10.255.0.";
    private static final String REMOTE = "10.255.1.";

    /** First what the others are compared with: without rules and connection tracking, and the same path with them. */
    private static List<List<Way>> ways() {
        List<List<Way>> groups = new ArrayList<>();
        for (String among : List.of(LOCAL, REMOTE)) {
            String to = among.equals(LOCAL) ? "a local task" : "a remote task";
            groups.add(List.of(new Way("from outside to " + to + ", host without rules", true, false, Choice.RANDOM, among + 3, among),
                new Way("  direct, host with its rules", true, true, Choice.RANDOM, among + 3, among),
                new Way("  by a published port", true, true, Choice.RANDOM, "172.30.0.1", among),
                new Way("  by a published port, by client", true, true, Choice.BY_CLIENT, "172.30.0.1", among)));
            groups.add(List.of(new Way("from a container to " + to + ", no rules there", false, false, Choice.RANDOM, among + 3, among),
                new Way("  direct, with rules", false, true, Choice.RANDOM, among + 3, among),
                new Way("  by a virtual address", false, true, Choice.RANDOM, "10.255.200.33", among),
                new Way("  by a virtual address, by client", false, true, Choice.BY_CLIENT, "10.255.200.33", among)));
        }
        return groups;
    }

    /** @param micros of CPU, of ab and the servers, the kernel's work for them included: for each connection */
    private record Run(double perSecond, double micros) {
        double perCpuSecond() {
            return 1e6 / micros;
        }
    }

    private static void connections(Path hostPath, Path far, Path client, Path inside, int count, int rounds, String cpu, Duration within, List<Path> servers)
            throws Exception {
        NetlinkOverlay overlay = new NetlinkOverlay(NetNs.at(hostPath), Optional.empty());
        new NetfilterBalancer(NetNs.at(far)).host(host(port80(Choice.RANDOM, 2, 3, 4, 5), overlay), HostNetworks.NONE);
        NetfilterBalancer balancer = new NetfilterBalancer(NetNs.at(hostPath));
        List<List<Way>> groups = ways();
        Map<Way, List<Run>> runs = new HashMap<>();
        Random random = new Random(1);
        long start = System.nanoTime();
        for (int round = 0; round < rounds && System.nanoTime() - start < within.toNanos(); round++) {
            List<Way> shuffled = new ArrayList<>(groups.stream().flatMap(List::stream).toList());
            Collections.shuffle(shuffled, random);
            for (Way way : shuffled) {
                program(way, balancer, hostPath, inside, overlay);
                Thread.sleep(300); // the kernel frees the rules of before in the background, and this process compiles what it has just run
                runs.computeIfAbsent(way, none -> new ArrayList<>()).add(run(way, way.fromOutside() ? client : inside, cpu, count, servers));
            }
        }
        for (List<Way> group : groups) {
            for (Way way : group) {
                List<Run> own = runs.get(way);
                System.out.printf("%-58s %6.0f/s, best %6.0f; CPU %5.1f us, least %5.1f%n", way.name(), median(own, Run::perSecond), most(own, Run::perSecond),
                    median(own, Run::micros), 1e6 / most(own, Run::perCpuSecond));
                group.subList(0, Math.min(2, group.indexOf(way))).forEach(base -> System.out.printf("%20s of %s: %s; by CPU %s%n", "",
                    base == group.get(0) ? "the first" : "direct   ", ratios(own, runs.get(base), Run::perSecond), ratios(own, runs.get(base), Run::perCpuSecond)));
            }
        }
    }

    /** A run that failed is told and made again, or an hour's rounds would end with one lost packet. */
    private static Run run(Way way, Path client, String cpu, int count, List<Path> servers) throws IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                long before = nanosOnCpu(servers);
                Load load = ab(client, Optional.of(cpu), way.fromOutside() ? "172.30.0." : "10.255.9.", way.target(), count);
                return new Run(load.perSecond(), (load.cpuSeconds() * 1e6 + (nanosOnCpu(servers) - before) / 1e3) / count);
            } catch (IOException e) {
                System.out.printf("%s, attempt %d: %s%n", way.name().strip(), attempt, e.getMessage());
                if (attempt == 3) {
                    throw e;
                }
            }
        }
    }

    private static long nanosOnCpu(List<Path> processes) throws IOException {
        long sum = 0;
        for (Path process : processes) {
            sum += Long.parseLong(Files.readString(process).split(" ")[0]);
        }
        return sum;
    }

    /** What a node has while a way is measured: the host's rules are there for containers, too, whose packets the bridge takes past most of them. */
    private static void program(Way way, NetfilterBalancer balancer, Path hostPath, Path inside, NetlinkOverlay overlay) throws IOException, InterruptedException {
        if (!way.rules()) {
            run(way.fromOutside() ? hostPath : inside, "nft", "flush", "ruleset"); // the balancer sees that its rules are gone
        }
        if (way.rules() || !way.fromOutside()) {
            balancer.host(host(new PublishedPort(Transport.TCP, 80, way.backends(), way.choice()), overlay), HostNetworks.NONE);
        }
        if (way.isKeptOut()) { // the balancer takes it out again
            run(hostPath, "nft", "insert rule ip starling forward ip daddr " + OVERLAY + " accept");
        }
        if (way.rules() && !way.fromOutside()) {
            TreeSet<String> tasks = way.backends().stream().map(Backend::address).collect(Collectors.toCollection(TreeSet::new));
            TreeMap<String, VirtualService> services = new TreeMap<>();
            for (int i = 0; i < 60; i++) {
                services.put("10.255.200." + i, new VirtualService(tasks, way.choice()));
            }
            balancer.container("inside", inside, services);
        }
    }

    /**
     * Median and quartiles of runs of the same round, since what disturbs the machine for longer than a round disturbs both; and of the fastest run of
     * each, since nothing that disturbs makes a run faster.
     */
    private static String ratios(List<Run> runs, List<Run> base, ToDoubleFunction<Run> figure) {
        List<Double> ratios = IntStream.range(0, runs.size()).mapToObj(round -> figure.applyAsDouble(runs.get(round)) / figure.applyAsDouble(base.get(round))).sorted().toList();
        return "%.2f [%.2f - %.2f, n=%d], best %.2f".formatted(ratios.get((ratios.size() - 1) / 2), ratios.get(ratios.size() / 4), ratios.get(ratios.size() - 1 - ratios.size() / 4),
            ratios.size(), most(runs, figure) / most(base, figure));
    }

    private static double median(List<Run> runs, ToDoubleFunction<Run> figure) {
        return runs.stream().mapToDouble(figure).sorted().toArray()[(runs.size() - 1) / 2];
    }

    private static double most(List<Run> runs, ToDoubleFunction<Run> figure) {
        return runs.stream().mapToDouble(figure).max().orElseThrow();
    }

    private static void changes(Path hostPath, Path client, int count) throws Exception {
        NetlinkOverlay overlay = new NetlinkOverlay(NetNs.at(hostPath), Optional.empty());
        for (Choice choice : Choice.values()) {
            NetfilterBalancer balancer = new NetfilterBalancer(NetNs.at(hostPath));
            HostNetworks first = host(port80(choice, 2, 3, 4, 5), overlay);
            balancer.host(first, HostNetworks.NONE);
            int[] done = {0};
            boolean[] stop = {false};
            List<String> troubles = Collections.synchronizedList(new ArrayList<>());
            Thread load = new Thread(() -> {
                while (!stop[0]) {
                    try {
                        ab(client, Optional.empty(), "172.30.0.", "172.30.0.1", 10_000);
                        done[0] += 10_000;
                    } catch (IOException | InterruptedException e) {
                        troubles.add(e.getMessage());
                    }
                }
            });
            long start = System.nanoTime();
            load.start();
            Clock clock = new Clock();
            for (int i = 0; i < count; i++) {
                balancer.host(with(first, first.ports().size() - 1, port80(choice, BACKENDS[i % BACKENDS.length])), HostNetworks.NONE);
            }
            clock.each(count + " changes among 1,001 services, " + choice, count);
            stop[0] = true;
            load.join();
            System.out.printf("%s: %d connections at %.0f/s meanwhile, troubles: %s%n", choice, done[0], done[0] / ((System.nanoTime() - start) / 1e9), troubles);
        }
    }

    /** What ab says, and its CPU time. */
    private record Load(double perSecond, double cpuSeconds) {}

    /** Each run has a client address of its own, so that no connection meets one that has just ended. */
    private static Load ab(Path namespace, Optional<String> cpu, String clientPrefix, String target, int count) throws IOException, InterruptedException {
        clients = clients == LAST_CLIENT ? FIRST_CLIENT : clients + 1;
        List<String> command = new ArrayList<>();
        cpu.ifPresent(number -> command.addAll(List.of("taskset", "-c", number)));
        command.addAll(List.of("bash", "-c", "TIMEFORMAT='CPU %U %S'; time ab \"$@\"", "ab", "-q", "-n", Integer.toString(count), "-c", "50", "-s", "3", "-B", clientPrefix + clients, "http://" + target + "/"));
        String said = run(namespace, command.toArray(String[]::new));
        String failed = number(said, "Failed requests: +([0-9]+)");
        String longest = number(said, "Connect: +.* ([0-9]+)\n");
        if (!failed.equals("0") || Integer.parseInt(longest) >= 900) { // a lost SYN comes again after a second
            throw new IOException("failed " + failed + ", longest connect " + longest + " ms");
        }
        return new Load(Double.parseDouble(number(said, "Requests per second: +([0-9.]+)")),
            Double.parseDouble(number(said, "CPU ([0-9.]+) ")) + Double.parseDouble(number(said, "CPU [0-9.]+ ([0-9.]+)")));
    }

    private static String number(String text, String pattern) throws IOException {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        if (!matcher.find()) {
            throw new IOException("no " + pattern + " in " + text);
        }
        return matcher.group(1);
    }

    private static String run(Path namespace, String... command) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", namespace.getFileName().toString()));
        words.addAll(List.of(command));
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + said.strip());
        }
        return said;
    }
}
