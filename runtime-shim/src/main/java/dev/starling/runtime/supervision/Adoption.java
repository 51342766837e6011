package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.logs.ContainerLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the containers that {@link Leftovers} has found this agent's own. */
final class Adoption {
    private static final Logger LOG = LoggerFactory.getLogger(Adoption.class);

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final ContainerStarter starter;
    private final String bootId;

    Adoption(Kernel kernel, Cgroups cgroups, ContainerStarter starter, String bootId) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.starter = starter;
        this.bootId = bootId;
    }

    /** As it is on the disk: one that is not known to have ended counts as running, though its process may be gone. */
    Supervised adopt(Leftovers.Found found) {
        if (found.state().hasEnded()) {
            Supervised ended = Supervised.ended(found.bundle(), found.state());
            ended.removeGroups(cgroups, Cgroups.MANY_ATTEMPTS);
            return ended;
        }
        KeptTerminal terminal = terminal(found);
        Supervised running = Supervised.running(
                found.bundle(), found.state(), found.process(), log(found, terminal), terminal);
        running.paused(cgroups.isFrozen(running.id()));
        return running;
    }

    /** Of nothing where its FIFOs are lost (a power cut while a container that had not started was deleted), which must not keep this agent from starting. */
    private ContainerLog log(Leftovers.Found found, KeptTerminal terminal) {
        try {
            return starter.openLog(found.bundle(), found.state().spec(), terminal);
        } catch (RuntimeShimException e) {
            LOG.error("what container {} writes is in nobody's log from now on", found.bundle().id(), e);
            return starter.openLogOfNothing(found.bundle(), found.state().spec());
        }
    }

    /** Null where it has none; also where that is lost, which must not keep this agent from starting. */
    private KeptTerminal terminal(Leftovers.Found found) {
        if (!found.state().spec().streams().tty() || !found.state().bootId().equals(bootId)) {
            return null;
        }
        try {
            return KeptTerminal.adopt(kernel, found.bundle());
        } catch (RuntimeShimException e) {
            LOG.error("the terminal of container {} is lost: it is in nobody's log from now on, and cannot be attached to", found.bundle().id(), e);
            return null;
        }
    }
}
