#!/usr/bin/env bash
# Builds an ES_HOME of a real Elasticsearch with security from its jars on Maven Central.
#   JAVA_HOME=… build.sh VERSION DEST      versions: 8.19.21 (JDK 17 or later), 9.5.3 (JDK 21 or later)
# Needs mvn, unzip and a JDK. Of the JDK's path or version nothing of the result depends, but that before 22 it has no faster derivation of keys.
set -euo pipefail
version=$1 home=$(realpath -m "$2") recipe=$(cd "$(dirname "$0")" && pwd)
major=${version%%.*}
case $major in 8) release=17 ;; *) release=21 ;; esac
jdk=$("$JAVA_HOME/bin/javac" -version | sed 's/^javac \([0-9]*\).*/\1/')
modules=(transport-netty4 x-pack-core x-pack-security)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch_jars() {
  cp -r "$recipe/maven" "$work/maven" # Maven may write beside its pom.xml
  mvn -q -B -f "$work/maven/pom.xml" -Delasticsearch.version="$version" -Dhome="$home" dependency:copy-dependencies
}

# As in the real distribution, an artifact is there once: what $2 has, $1 loses ("jar hell" otherwise).
drop_duplicates() { # folder, folder that has precedence
  local jar artifact
  for jar in "$1"/*.jar; do
    artifact=${jar##*/} artifact=${artifact%%-[0-9]*}
    if compgen -G "$2/$artifact-[0-9]*.jar" > /dev/null; then rm "$jar"; fi
  done
}

# Modules are loaded as plain class paths (a descriptor without `modulename`): their module descriptors name jars that are not public.
write_descriptor() { # module
  unzip -p "modules/$1/$1-$version.jar" "META-INF/es-plugins/$1/plugin-descriptor.properties" |
    grep -Ev '^#|^modulename|^$' > "modules/$1/plugin-descriptor.properties"
}

compile() {
  mkdir "$work/sources" "$work/classes"
  cp "$recipe"/src/*.java "$recipe/src-$major"/*.java "$work/sources"
  if ! compgen -G "lib/elasticsearch-cli-terminal-*" > /dev/null; then # 8.x has Terminal in another package
    sed -i 's/org.elasticsearch.cli.terminal.Terminal/org.elasticsearch.cli.Terminal/' "$work"/sources/*.java
  fi
  "$JAVA_HOME/bin/javac" --release "$release" -nowarn -d "$work/classes" -cp "lib/*" "$work"/sources/*.java
  if [ "$jdk" -ge 22 ]; then "$JAVA_HOME/bin/javac" --release 22 -nowarn -d "$work/classes" "$recipe"/src-jdk22/*.java; fi
}

# A module of our own: the classes that match move from the launcher into a jar with a descriptor like x-pack-core's.
package_module() { # name, plugin class, pattern of its class files
  mkdir -p "modules/$1" "$work/$1"
  mv "$work/classes"/$3 "$work/$1"
  "$JAVA_HOME/bin/jar" cf "modules/$1/$1.jar" -C "$work/$1" .
  {
    grep -Ev '^(name|description|classname|extended.plugins)=' modules/x-pack-core/plugin-descriptor.properties
    printf 'name=%s\ndescription=%s\nclassname=%s\n' "$1" "$1" "$2"
  } > "modules/$1/plugin-descriptor.properties"
}

# The modules above live in the unnamed module, so what lib/ exports to them by name is opened to it: one java argument file.
write_exports() {
  local module
  for module in $("$JAVA_HOME/bin/java" -p lib --list-modules | sed -n 's/^\(org\.elasticsearch[^@ ]*\).*/\1/p'); do
    "$JAVA_HOME/bin/java" -p lib --describe-module "$module" |
      awk -v module="$module" '$1 == "qualified" && $2 == "exports" { printf "--add-exports\n%s/%s=ALL-UNNAMED\n", module, $3 }'
  done > lib-launcher/exports
}

rm -rf "$home"
mkdir -p "$home"/{lib,lib-launcher,bin,config,plugins,modules}
cd "$home"
fetch_jars
for module in "${modules[@]}"; do drop_duplicates "modules/$module" lib; done
drop_duplicates modules/x-pack-security modules/x-pack-core
rm -f modules/x-pack-security/jcip-annotations-1.0.jar # x-pack-core has it under another artifact name
for module in "${modules[@]}"; do write_descriptor "$module"; done
compile
package_module analysis-common SecurityAnalysisPlugin 'SecurityAnalysisPlugin*.class'
package_module rest-root RootInfoPlugin 'RootInfo*.class'
"$JAVA_HOME/bin/jar" cf lib-launcher/launcher.jar -C "$work/classes" .
write_exports
cp "$recipe"/bin/* bin
cp "$recipe/log4j2.properties" config
