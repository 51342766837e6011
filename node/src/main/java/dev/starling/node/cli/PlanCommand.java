package dev.starling.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.YamlFile;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code starling plan FILE}: where the services of a file would run, were they deployed now. */
@Command(name = "plan", description = "Say where the services of a file would run. Nothing is deployed.", mixinStandardHelpOptions = true)
public final class PlanCommand extends AskingCommand {
    @Parameters(paramLabel = "FILE", description = "a compose file, or one service as docker service inspect writes it (JSON)")
    private Path file;

    @Option(names = "--stack", paramLabel = "NAME", defaultValue = "", description = "the stack the file would be deployed as")
    private String stack;

    @Override
    void ask(AgentSocket agent) {
        JsonNode document = AgentSocket.JSON.valueToTree(YamlFile.read(file));
        JsonNode one = document.isArray() && document.size() == 1 ? document.get(0) : document; // docker service inspect prints a list
        if (!one.isObject()) {
            throw new ConfigException(file + ": neither a compose file nor a service spec");
        }
        ForecastText.print(agent.post("/starling/plan?stack=" + encoded(stack), one), true);
    }
}
