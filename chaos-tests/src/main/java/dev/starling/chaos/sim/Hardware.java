package dev.starling.chaos.sim;

import dev.starling.scheduler.model.Resources;
import java.util.random.RandomGenerator;

/** What the hosts of a simulation are made of: sound parts by default, broken ones where a test wants to see that an invariant notices. */
interface Hardware {
    Hardware SOUND = new Hardware() {};

    default SimDisk disk() {
        return new SimDisk();
    }

    default SimContainers containers(EventQueue events, RandomGenerator random, SimContainers.Reports reports) {
        return new SimContainers(events, random, reports);
    }

    /** What a host says it has, of what it has. */
    default Resources reported(Resources capacity) {
        return capacity;
    }
}
