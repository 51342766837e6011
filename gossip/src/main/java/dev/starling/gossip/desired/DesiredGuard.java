package dev.starling.gossip.desired;

/** Decides whether a register that arrived may enter the desired state: signature, certificate chain, manager role. */
@FunctionalInterface
public interface DesiredGuard {
    /** Null where {@code object} is accepted, else the reason why not, for the log and the metric. */
    String refusal(DesiredObject object);
}
