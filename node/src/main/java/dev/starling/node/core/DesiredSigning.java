package dev.starling.node.core;

import dev.starling.gossip.desired.DesiredObject;

/** Signs what this node writes; in the simulator a stand-in that its guard knows. */
@FunctionalInterface
public interface DesiredSigning {
    DesiredObject sign(DesiredObject unsigned);
}
