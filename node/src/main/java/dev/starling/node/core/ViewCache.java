package dev.starling.node.core;

import dev.starling.gossip.Gossip;
import dev.starling.gossip.Role;
import dev.starling.scheduler.model.View;

/** What the scheduler plans on and what readers get: the same objects until something in them changes, for each costs a walk over all that is known. */
final class ViewCache {
    private final ViewBuilder state;
    private final Gossip gossip;
    private final Role role;
    private View view;
    private ClusterSnapshot snapshot;

    ViewCache(ViewBuilder state, Gossip gossip, Role role) {
        this.state = state;
        this.gossip = gossip;
        this.role = role;
    }

    View view() {
        if (view == null) {
            view = state.view(gossip.members());
        }
        return view;
    }

    ClusterSnapshot snapshot() {
        if (snapshot == null) {
            snapshot = state.snapshot(role, gossip.members(), view());
        }
        return snapshot;
    }

    void changed() {
        view = null;
        snapshot = null;
    }
}
