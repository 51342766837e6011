package dev.starling.netlink.nft;

import java.util.List;
import java.util.Optional;

/** A chain of rules: one that the kernel enters at a hook, or one that others jump to. */
public record Chain(String name, Optional<Hook> hook, List<Rule> rules) {
    /** @param type "nat" or "filter"; {@code point} a {@code NF_INET_...}; of two chains the one with the lesser priority is first */
    public record Hook(String type, int point, int priority) {
        public static final int PREROUTING = 0;
        public static final int FORWARD = 2;
        public static final int OUTPUT = 3;
        public static final int POSTROUTING = 4;

        /** Before connection tracking: addresses are those on the wire. */
        public static Hook beforeConntrack() {
            return new Hook("filter", PREROUTING, -300);
        }

        public static Hook beforeConntrackOfOwnTraffic() {
            return new Hook("filter", OUTPUT, -300);
        }

        public static Hook forward() {
            return new Hook("filter", FORWARD, 0);
        }

        /** Where nft's {@code dstnat} is. */
        public static Hook destinationNat() {
            return new Hook("nat", PREROUTING, -100);
        }

        public static Hook destinationNatOfOwnTraffic() {
            return new Hook("nat", OUTPUT, -100);
        }

        /** Where nft's {@code srcnat} is. */
        public static Hook sourceNat() {
            return new Hook("nat", POSTROUTING, 100);
        }
    }

    public static Chain at(String name, Hook hook, List<Rule> rules) {
        return new Chain(name, Optional.of(hook), List.copyOf(rules));
    }

    public static Chain called(String name, List<Rule> rules) {
        return new Chain(name, Optional.empty(), List.copyOf(rules));
    }
}
