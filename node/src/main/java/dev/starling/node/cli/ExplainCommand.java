package dev.starling.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code starling explain web.3}: what each node says to a slot. */
@Command(name = "explain", description = "Say which nodes would run a task, and why the others do not.", mixinStandardHelpOptions = true)
public final class ExplainCommand extends AskingCommand {
    @Parameters(paramLabel = "TASK|SERVICE.SLOT", description = "a task's id, or e.g. web.3; of a global service e.g. agent.NODE")
    private String slot;

    @Override
    void ask(AgentSocket agent) {
        JsonNode answer = agent.get("/starling/explain/" + encoded(slot));
        String summary = answer.path("Summary").asText();
        System.out.println(answer.path("Slot").asText() + (summary.isEmpty() ? "" : ": " + summary));
        for (String remark : List.of("Autoscale", "Note")) {
            if (answer.hasNonNull(remark)) {
                System.out.println(answer.path(remark).asText());
            }
        }
        Table table = new Table().row("NODE", "VERDICT", "WHY");
        answer.path("Nodes").forEach(node ->
                table.row(node.path("Hostname").asText(), node.path("Verdict").asText(), node.path("Text").asText()));
        System.out.print(table);
    }
}
