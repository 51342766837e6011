import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Turns Maven's test reports into one line per test: {@code passed|failed|skipped TAB name TAB reason}. Run from its source
 * by ./check, which counts the lines: {@code java SurefireReport.java DIRECTORY...} with the modules' directories.
 */
final class SurefireReport {
    public static void main(String[] modules) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        for (String module : modules) {
            for (Path report : reports(Path.of(module))) {
                print(module, factory.newDocumentBuilder(), report);
            }
        }
    }

    private static List<Path> reports(Path module) throws Exception {
        List<Path> found = new ArrayList<>();
        for (String kind : List.of("surefire-reports", "failsafe-reports")) {
            Path directory = module.resolve("target").resolve(kind);
            if (Files.isDirectory(directory)) {
                try (Stream<Path> files = Files.list(directory)) {
                    files.filter(file -> file.getFileName().toString().matches("TEST-.*\\.xml")).sorted().forEach(found::add);
                }
            }
        }
        return found;
    }

    private static void print(String module, DocumentBuilder parser, Path report) throws Exception {
        NodeList cases = parser.parse(report.toFile()).getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
            Element test = (Element) cases.item(i);
            String className = test.getAttribute("classname");
            String name = new File(module).getName() + " " + className.substring(className.lastIndexOf('.') + 1) + "." + test.getAttribute("name");
            Element failed = first(test, "failure", "error");
            Element skipped = first(test, "skipped");
            Element told = failed != null ? failed : skipped;
            String outcome = failed != null ? "failed" : skipped != null ? "skipped" : "passed";
            System.out.println(outcome + "\t" + oneLine(name) + "\t" + (told == null ? "" : reason(told)));
        }
    }

    private static Element first(Element parent, String... names) {
        for (String name : names) {
            NodeList found = parent.getElementsByTagName(name);
            if (found.getLength() > 0) {
                return (Element) found.item(0);
            }
        }
        return null;
    }

    private static String reason(Element told) {
        String message = told.getAttribute("message").isBlank() ? told.getTextContent() : told.getAttribute("message");
        String line = oneLine(message);
        return line.isEmpty() ? "no reason given" : line.length() > 300 ? line.substring(0, 300) + "..." : line;
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }

    private SurefireReport() {}
}
