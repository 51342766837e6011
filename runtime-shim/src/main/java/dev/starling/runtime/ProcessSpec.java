package dev.starling.runtime;

import java.util.List;

/**
 * A container's first process. What is empty is as the image says, then Docker's default; {@link dev.starling.runtime.launch.ProcessPlan} puts the three together.
 *
 * @param entrypoint replaces the image's ENTRYPOINT (and drops its CMD)
 * @param args       replaces the image's CMD
 * @param env        {@code NAME=value}; added to the image's
 * @param user       {@code user[:group]}, names or numbers; {@code groups} further ones
 * @param stopSignal e.g. {@code SIGTERM}
 * @param init       run a small init as process 1, which reaps orphans
 */
public record ProcessSpec(
        List<String> entrypoint, List<String> args, List<String> env, String workingDirectory, String user, List<String> groups, String stopSignal,
        boolean init, ProcessLimits limits) {
    public static final ProcessSpec INHERIT = new ProcessSpec(List.of(), List.of(), List.of(), "", "", List.of(), "", false, ProcessLimits.NONE);

    public ProcessSpec withEntrypoint(List<String> other) {
        return new ProcessSpec(other, args, env, workingDirectory, user, groups, stopSignal, init, limits);
    }

    public ProcessSpec withArgs(List<String> others) {
        return new ProcessSpec(entrypoint, others, env, workingDirectory, user, groups, stopSignal, init, limits);
    }

    public ProcessSpec withEnv(List<String> other) {
        return new ProcessSpec(entrypoint, args, other, workingDirectory, user, groups, stopSignal, init, limits);
    }

    public ProcessSpec withWorkingDirectory(String other) {
        return new ProcessSpec(entrypoint, args, env, other, user, groups, stopSignal, init, limits);
    }

    public ProcessSpec withUser(String other, List<String> otherGroups) {
        return new ProcessSpec(entrypoint, args, env, workingDirectory, other, otherGroups, stopSignal, init, limits);
    }

    public ProcessSpec withStopSignal(String other) {
        return new ProcessSpec(entrypoint, args, env, workingDirectory, user, groups, other, init, limits);
    }

    public ProcessSpec withInit(boolean wanted) {
        return new ProcessSpec(entrypoint, args, env, workingDirectory, user, groups, stopSignal, wanted, limits);
    }

    public ProcessSpec withLimits(ProcessLimits others) {
        return new ProcessSpec(entrypoint, args, env, workingDirectory, user, groups, stopSignal, init, others);
    }
}
