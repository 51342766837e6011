package dev.starling.scheduler;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.TreeMap;

/**
 * Gives up blocks that another node holds by an earlier claim, and those of networks that are gone. Claims one where this node needs an address
 * of its own, tasks or not.
 */
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
        round.view().networks().values().stream().filter(NetworkSpec::hasGatewayPerNode)
                .filter(network -> !round.own().blocks().containsKey(network.uid())).forEach(network -> claimFirst(round, network));
    }

    private static void claimFirst(Round round, NetworkSpec network) {
        View view = round.own().overBlocks(round.view());
        new AddressPlan(view, round.self().id(), round.mint().claimTime(round.now()), new Addressing(round)).firstBlock(network)
                .ifPresent(block -> round.own().putBlocks(network.uid(), List.of(block)));
    }
}
