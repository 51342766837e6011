package dev.starling.scheduler;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.model.BlockClaim;
import java.util.List;
import java.util.TreeMap;

/** Gives up blocks that another node holds by an earlier claim, and those of networks that are gone. */
final class BlockUpkeep implements Phase {
    @Override
    public void run(Round round) {
        List<BlockClaim> lost = AddressPlan.lost(round.view(), round.self().id());
        new TreeMap<>(round.own().blocks()).forEach((network, blocks) -> {
            boolean inUse = round.own().list().stream().anyMatch(task -> !task.state().isTerminal() && task.addresses().containsKey(network));
            if (!round.view().networks().containsKey(network)) {
                if (!inUse) {
                    round.own().putBlocks(network, List.of());
                }
            } else if (blocks.stream().anyMatch(lost::contains)) {
                round.own().putBlocks(network, blocks.stream().filter(block -> !lost.contains(block)).toList());
            }
        });
    }
}
