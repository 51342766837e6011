package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_RDWR;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.kernel.SpawnActions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Scanner;

/**
 * The terminal of a container's first process, kept alive by a process of the host that does nothing else.
 *
 * <p>When the last descriptor of a terminal's master is closed, the kernel hangs it up, and process 1 gets SIGHUP. An agent that alone had it could not
 * restart. A descriptor needs a process to be in, so there is one for each container with a terminal, the keeper: the host's {@code sleep}, with the
 * master as its standard input. The next agent takes a copy out of it (pidfd_getfd, Linux 5.6).
 *
 * <pre>
 *   agent          keeper (sleep)          container
 *   master ------- 0 master
 *                  1 process's side ------ 0 1 2 of process 1, its controlling terminal
 * </pre>
 *
 * The keeper also has the process's side open: a container that closes all of its own is no reason for the kernel to report the end of its output again
 * and again. It is in the container's control groups, so whoever kills what is left of a container, also one whose agent died while it started, gets
 * it too; and exempt from being killed for want of memory. It is outside of the container's namespaces, so nothing in there sees it.
 */
public final class KeptTerminal {
    /** coreutils and busybox alike. */
    private static final List<Path> PROGRAMS = List.of(Path.of("/bin/sleep"), Path.of("/usr/bin/sleep"));
    private static final String SIXTY_YEARS = "2000000000";
    private static final int MASTER_IN_KEEPER = 0;
    private static final int REAP_TIMEOUT_MILLIS = 10_000;

    private final Kernel kernel;
    private final int pid;
    private final boolean child;
    private final Descriptor keeper;
    private final Descriptor master;
    private boolean closed;

    private KeptTerminal(Kernel kernel, int pid, boolean child, Descriptor keeper, Descriptor master) {
        this.kernel = kernel;
        this.pid = pid;
        this.child = child;
        this.keeper = keeper;
        this.master = master;
    }

    /** @throws RuntimeShimException UNSUPPORTED where this host has no program for it */
    public static void check() {
        program();
    }

    private static Path program() {
        return PROGRAMS.stream().filter(Files::isExecutable).findFirst()
                .orElseThrow(() -> RuntimeShimException.unsupported("a terminal (--tty) on this node: it needs one of " + PROGRAMS));
    }

    /** Takes {@code master} over, and closes it where this fails. The bundle and the control groups are there. */
    public static KeptTerminal keep(Kernel kernel, Cgroups cgroups, Bundle bundle, Descriptor master) {
        KeptTerminal kept = spawn(kernel, cgroups, bundle, master);
        try {
            cgroups.enter(bundle.id(), kept.pid);
            kept.spareFromMemoryKills();
            Files.writeString(file(bundle), kept.pid + " " + ExitStatus.startTime(kernel, kept.pid) + "\n");
            return kept;
        } catch (RuntimeException | IOException e) {
            kept.end();
            throw e instanceof RuntimeException failure ? failure : RuntimeShimException.system("write " + file(bundle) + ": " + e, e);
        }
    }

    /** An agent without CAP_SYS_RESOURCE may not; then it is the smallest process there, and so the last to be chosen. */
    private void spareFromMemoryKills() {
        try {
            kernel.write("/proc/" + pid + "/oom_score_adj", "-1000");
        } catch (RuntimeShimException e) {
            if (e.errno() != Errno.EACCES.number() && e.errno() != Errno.EPERM.number()) {
                throw e;
            }
        }
    }

    /** On a thread of its own, which joins the container's groups (version 1): its child is born inside. */
    private static KeptTerminal spawn(Kernel kernel, Cgroups cgroups, Bundle bundle, Descriptor master) {
        try {
            int pid = DisposableThread.call("terminal-" + bundle.shortId(), () -> spawnHere(kernel, cgroups, bundle.id(), master));
            return new KeptTerminal(kernel, pid, true, kernel.openProcess(pid), master); // a child that nobody has reaped: the number is its own
        } catch (RuntimeException e) {
            master.close();
            throw e;
        }
    }

    private static int spawnHere(Kernel kernel, Cgroups cgroups, String containerId, Descriptor master) {
        try (Descriptor processSide = Terminal.openProcessSide(kernel, master); SpawnActions actions = new SpawnActions(kernel)) {
            cgroups.enterWithThread(containerId);
            actions.duplicate(master.number(), MASTER_IN_KEEPER).duplicate(processSide.number(), 1).open(2, "/dev/null", O_RDWR).closeFrom(3);
            Path program = program();
            SpawnActions.Spawned spawned = actions.spawn(
                    program.toString(), kernel.strings(List.of("sleep", SIXTY_YEARS)), kernel.strings(List.of("STARLING_TERMINAL_OF=" + containerId)),
                    SpawnActions.attributes(kernel));
            if (spawned.errno() != 0) {
                throw kernel.failure("run " + program + " of the host", spawned.errno());
            }
            return spawned.pid();
        }
    }

    private static Path file(Bundle bundle) {
        return bundle.directory().resolve("terminal");
    }

    /**
     * As an earlier agent under this kernel has left it.
     *
     * @throws RuntimeShimException where it is lost: the keeper is gone, or this agent may not look into it
     */
    public static KeptTerminal adopt(Kernel kernel, Bundle bundle) {
        Keeper named = keeper(bundle);
        Descriptor keeper = kernel.openProcess(named.pid);
        try {
            // first the handle, then the comparison: then the handle is on that very process
            if (ExitStatus.startTime(kernel, named.pid) != named.startTime) {
                throw RuntimeShimException.notFound("the terminal of container " + bundle.id() + ": its keeper, process " + named.pid + ", is gone");
            }
            return new KeptTerminal(kernel, named.pid, false, keeper, kernel.descriptorOf(keeper, MASTER_IN_KEEPER));
        } catch (RuntimeException e) {
            keeper.close();
            throw e;
        }
    }

    private record Keeper(int pid, long startTime) {}

    private static Keeper keeper(Bundle bundle) {
        Path file = file(bundle);
        try (Scanner words = new Scanner(Files.readString(file))) {
            return new Keeper(words.nextInt(), words.nextLong());
        } catch (NoSuchFileException e) {
            throw RuntimeShimException.notFound("the terminal of container " + bundle.id() + ": there is no " + file);
        } catch (IOException e) {
            throw RuntimeShimException.system("read " + file + ": " + e, e);
        } catch (NoSuchElementException e) {
            throw RuntimeShimException.system("the terminal of container " + bundle.id() + ": " + file + " names no process and its start time", e);
        }
    }

    /** A further descriptor of its master, non-blocking, for the caller to close. @throws RuntimeShimException CONFLICT where the container has just ended */
    public synchronized Descriptor duplicate() {
        if (closed) {
            throw RuntimeShimException.conflict("attach to a terminal: its container has ended");
        }
        return master.duplicate();
    }

    /** Of one that has just ended: nothing happens. */
    public synchronized void resize(int rows, int columns) {
        if (!closed) {
            Terminal.resize(kernel, master, rows, columns);
        }
    }

    /** On the host; not a process of the container, though in its control groups. */
    public int keeperPid() {
        return pid;
    }

    /** The agent ends; the terminal stays for the next one. */
    public synchronized void release() {
        closed = true;
        master.close();
        keeper.close();
    }

    /** The container has ended, and what it wrote is read: the terminal goes. {@link #end} follows. */
    public synchronized void kill() {
        kernel.signal(keeper, Signals.SIGKILL);
    }

    /** Kills and waits for the keeper's end, a moment: nothing is left of it afterwards. */
    public synchronized void end() {
        kernel.signal(keeper, Signals.SIGKILL);
        boolean ended = kernel.waitReadable(keeper, REAP_TIMEOUT_MILLIS);
        if (child && ended) {
            ExitStatus.reapIfEnded(kernel, pid);
        }
        release();
        if (!ended) {
            throw RuntimeShimException.system("process " + pid + ", which kept a terminal, did not end within " + REAP_TIMEOUT_MILLIS + " ms of SIGKILL", null);
        }
    }
}
