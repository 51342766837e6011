package dev.starling.runtime.oci;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessLimits.Ulimit;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.cgroup.DeviceRule;
import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.launch.Devices;
import dev.starling.runtime.launch.ExecRequest;
import dev.starling.runtime.launch.ExecRequest.TerminalSize;
import dev.starling.runtime.launch.Identity;
import dev.starling.runtime.launch.InitProgram;
import dev.starling.runtime.launch.LaunchRequest;
import dev.starling.runtime.launch.MemoryFiles;
import dev.starling.runtime.launch.ProcPaths;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.seccomp.SyscallRules;
import dev.starling.runtime.volume.VolumeOptions;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A container's {@code config.json} (OCI runtime specification 1.0): the same as {@code RootFilesystem} and {@code Privileges} do by system calls. Control
 * groups are named here and limited by us.
 */
final class OciConfig {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final BigInteger UNLIMITED = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
    private static final List<String> SAFE = List.of("nosuid", "noexec", "nodev");

    private final Architecture machine;
    private final UserNamespace mapping;

    /** @param mapping of the containers' users to the host's; null for none */
    OciConfig(Architecture machine, UserNamespace mapping) {
        this.machine = machine;
        this.mapping = mapping;
    }

    /** Into the bundle. @param controlGroup as a path from the top of each hierarchy */
    void write(LaunchRequest request, MemoryFiles files, Identity identity, SyscallRules rules, String controlGroup) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("ociVersion", "1.0.2");
        config.set("process", process(request.process(), identity, request.security(), request.limits(), request.streams().tty()));
        config.putObject("root").put("path", "root").put("readonly", request.filesystem().readOnlyRoot());
        config.put("hostname", request.process().hostname());
        config.set("mounts", mounts(request, files));
        config.set("linux", linux(request, rules, controlGroup));
        write(request.bundle().directory().resolve("config.json"), config);
    }

    /** A further process beside the first, into {@code file}. */
    void writeProcess(Path file, ExecRequest request, Identity identity) {
        TerminalSize terminal = request.terminal();
        ObjectNode process = process(request.process(), identity, request.security(), request.limits(), terminal != null);
        // Set later, it might be too late: the process runs already once the terminal is ours. crun 1.8 sets it itself a moment after it let the process go.
        if (terminal != null && terminal.rows() > 0) {
            process.putObject("consoleSize").put("height", terminal.rows()).put("width", terminal.columns());
        }
        write(file, process);
    }

    private static void write(Path file, ObjectNode node) {
        try {
            Files.write(file, JSON.writeValueAsBytes(node));
        } catch (IOException e) {
            throw RuntimeShimException.system("write " + file + ": " + e, e);
        }
    }

    private static ObjectNode process(ProcessPlan plan, Identity identity, Security security, ProcessLimits processLimits, boolean terminal) {
        ObjectNode process = JsonNodeFactory.instance.objectNode();
        process.put("terminal", terminal);
        ObjectNode user = process.putObject("user").put("uid", identity.uid()).put("gid", identity.gid()).put("umask", 022);
        identity.groups().forEach(user.putArray("additionalGids")::add);
        plan.argv().forEach(process.putArray("args")::add);
        plan.environmentWithHome(identity.home()).forEach(process.putArray("env")::add);
        process.put("cwd", plan.workingDirectory());
        ObjectNode capabilities = process.putObject("capabilities");
        // as execve would have it, a user other than root has them in the bounding set alone
        for (String set : identity.uid() == 0 ? List.of("bounding", "effective", "permitted") : List.of("bounding")) {
            ArrayNode names = capabilities.putArray(set);
            for (Capability each : Capability.values()) {
                if (each.isIn(plan.capabilities())) {
                    names.add("CAP_" + each.name());
                }
            }
        }
        ArrayNode limits = process.putArray("rlimits");
        for (Ulimit limit : processLimits.ulimits()) {
            limits.addObject().put("type", "RLIMIT_" + limit.name().toUpperCase(Locale.ROOT)).put("soft", limit(limit.soft())).put("hard", limit(limit.hard()));
        }
        process.put("noNewPrivileges", security.noNewPrivileges());
        if (!security.appArmor().isEmpty()) {
            process.put("apparmorProfile", security.appArmor());
        }
        process.put("oomScoreAdj", processLimits.oomScoreAdjustment());
        return process;
    }

    private static BigInteger limit(long value) {
        return value < 0 ? UNLIMITED : BigInteger.valueOf(value);
    }

    private ObjectNode linux(LaunchRequest request, SyscallRules rules, String controlGroup) {
        ObjectNode linux = JsonNodeFactory.instance.objectNode();
        ArrayNode namespaces = linux.putArray("namespaces");
        for (String type : List.of("pid", "network", "ipc", "uts", "mount", "cgroup")) {
            namespaces.addObject().put("type", type);
        }
        ObjectNode sysctls = linux.putObject("sysctl");
        request.sysctls().forEach(sysctls::put);
        if (mapping != null) {
            mapUsers(linux, namespaces, sysctls);
        }
        linux.put("cgroupsPath", controlGroup);
        devices(linux, request);
        if (rules != null) {
            linux.set("seccomp", OciSeccomp.json(rules, machine));
        }
        if (!request.security().privileged()) {
            ArrayNode masked = linux.putArray("maskedPaths");
            ProcPaths.MASKED.forEach(masked::add);
            ProcPaths.MASKED_FIRMWARE.forEach(masked::add);
            ProcPaths.READ_ONLY.forEach(linux.putArray("readonlyPaths")::add);
        }
        linux.put("rootfsPropagation", "rslave"); // else no bind could follow what the host mounts later
        return linux;
    }

    /** The nodes; and what they may be used for, since the runtime has rules of its own beside ours. */
    private static void devices(ObjectNode linux, LaunchRequest request) {
        ArrayNode nodes = linux.putArray("devices");
        ArrayNode rules = linux.putObject("resources").putArray("devices");
        for (Devices.Node node : request.devices().nodes()) {
            nodes.addObject().put("path", node.target()).put("type", String.valueOf(node.type())).put("major", node.major()).put("minor", node.minor())
                    .put("fileMode", node.mode() & 07777).put("uid", node.uid()).put("gid", node.gid());
        }
        for (DeviceRule rule : request.devices().rules()) {
            ObjectNode json = rules.addObject().put("allow", true).put("access", rule.access());
            if (!rule.equals(DeviceRule.ALL)) {
                json.put("type", String.valueOf(rule.type())).put("major", rule.major()).put("minor", rule.minor());
            }
        }
    }

    private void mapUsers(ObjectNode linux, ArrayNode namespaces, ObjectNode sysctls) {
        namespaces.addObject().put("type", "user");
        for (String kind : List.of("uidMappings", "gidMappings")) {
            linux.putArray(kind).addObject().put("containerID", 0).put("hostID", mapping.first()).put("size", mapping.size());
        }
        // Docker's default, as far as these groups go
        if (sysctls.path("net.ipv4.ping_group_range").asText().equals("0 2147483647")) {
            sysctls.put("net.ipv4.ping_group_range", "0 " + (mapping.size() - 1));
        }
    }

    private ArrayNode mounts(LaunchRequest request, MemoryFiles files) {
        ArrayNode mounts = JsonNodeFactory.instance.arrayNode();
        add(mounts, "/proc", "proc", "proc", SAFE);
        add(mounts, "/dev", "tmpfs", "tmpfs", List.of("nosuid", "strictatime", "mode=755", "size=65536k"));
        add(mounts, "/dev/pts", "devpts", "devpts", List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
        add(mounts, "/dev/shm", "tmpfs", "shm", List.of("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
        add(mounts, "/dev/mqueue", "mqueue", "mqueue", SAFE);
        String access = request.security().privileged() ? "rw" : "ro";
        add(mounts, "/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", access));
        add(mounts, "/sys/fs/cgroup", "cgroup", "cgroup", List.of("nosuid", "noexec", "nodev", access));
        int names = request.nameFiles().size();
        List<ContainerFile> all = request.allFiles();
        for (int i = 0; i < names; i++) {
            bind(mounts, files.path(i), all.get(i).path(), false, "rprivate");
        }
        if (request.init() != null) {
            bind(mounts, request.init().toString(), InitProgram.TARGET, true, "rprivate");
        }
        for (Mount mount : request.filesystem().mounts()) {
            if (mount.type() != Mount.Type.TMPFS) {
                ArrayNode options = bind(mounts, mount.source(), mount.target(), mount.readOnly(), mount.propagation().isEmpty() ? "rprivate" : mount.propagation());
                // crun binds without the flags of what it binds
                VolumeOptions.of(mount.volumeOptions()).flagNames().stream().filter(name -> !name.equals("ro")).forEach(options::add);
                // a volume is the containers' own; what else the host has stays its own
                if (mapping != null && mount.type() == Mount.Type.VOLUME) {
                    options.add("idmap");
                }
            }
        }
        for (Mount mount : request.filesystem().mounts()) {
            if (mount.type() == Mount.Type.TMPFS) {
                temporary(mounts, mount);
            }
        }
        for (int i = names; i < all.size(); i++) {
            bind(mounts, files.path(i), all.get(i).path(), true, "rprivate");
        }
        return mounts;
    }

    private static ArrayNode bind(ArrayNode mounts, String source, String target, boolean readOnly, String propagation) {
        ArrayNode options = add(mounts, target, "bind", source, List.of("rbind", propagation));
        // "rro" is read-only also for what is mounted below a directory; crun 1.8 fails at a file with it
        if (readOnly) {
            options.add(Files.isDirectory(Path.of(source)) ? "rro" : "ro");
        }
        return options;
    }

    private static void temporary(ArrayNode mounts, Mount mount) {
        ArrayNode options = add(mounts, mount.target(), "tmpfs", "tmpfs", SAFE);
        options.add("mode=" + (mount.mode() == 0 ? "1777" : Integer.toOctalString(mount.mode())));
        if (mount.sizeBytes() != 0) {
            options.add("size=" + mount.sizeBytes());
        }
        if (mount.readOnly()) {
            options.add("ro");
        }
    }

    private static ArrayNode add(ArrayNode mounts, String target, String type, String source, List<String> options) {
        ObjectNode mount = mounts.addObject().put("destination", target).put("type", type).put("source", source);
        ArrayNode list = mount.putArray("options");
        options.forEach(list::add);
        return list;
    }
}
