package dev.starling.node.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code starling whatif --down n3}: where tasks would go. */
@Command(name = "whatif", description = "Say which tasks would move if nodes went down, were drained or came back. Nothing is done.",
        mixinStandardHelpOptions = true)
public final class WhatIfCommand extends AskingCommand {
    @Option(names = "--down", paramLabel = "NODE", description = "a node that would be down; may be repeated")
    private List<String> down = List.of();

    @Option(names = "--drain", paramLabel = "NODE", description = "a node that would be drained; may be repeated")
    private List<String> drain = List.of();

    @Option(names = "--up", paramLabel = "NODE", description = "a node that would be up and active; may be repeated")
    private List<String> up = List.of();

    @Option(names = "--all", description = "also print the tasks that stay")
    private boolean all;

    @Override
    void ask(AgentSocket agent) {
        List<String> query = new ArrayList<>();
        down.forEach(node -> query.add("down=" + encoded(node)));
        drain.forEach(node -> query.add("drain=" + encoded(node)));
        up.forEach(node -> query.add("up=" + encoded(node)));
        if (query.isEmpty()) {
            throw new AgentSocket.AskException("name at least one node: --down, --drain or --up NODE", null);
        }
        ForecastText.print(agent.get("/starling/whatif?" + String.join("&", query)), all);
    }
}
