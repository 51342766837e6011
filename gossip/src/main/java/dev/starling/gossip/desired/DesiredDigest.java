package dev.starling.gossip.desired;

import java.util.Objects;

/** Where a view stands with one object: enough to say which of two views knows more, or that they differ. */
public record DesiredDigest(String uid, boolean deleted, long generation, long fingerprint) {
    public DesiredDigest {
        Objects.requireNonNull(uid, "uid");
    }

    /** True where a view at {@code other} surely lacks what a view at this point has; equal rank with another fingerprint: either may. */
    public boolean mayAddTo(DesiredDigest other) {
        if (deleted != other.deleted) {
            return deleted;
        }
        return generation != other.generation ? generation > other.generation : fingerprint != other.fingerprint;
    }
}
