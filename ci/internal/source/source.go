// Package source gets libuv's source, of the releases that the binding is held
// against.
package source

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// checksums has the releases and the checksums of their modules. They are ours,
// so that no database need be asked.
var checksums = map[string]string{
	"1.44.2": "h1:jReWkwMD037WsiuXl/tjx9T11XVletVVywweHCsxprg=",
	"1.48.0": "h1:yfNm0qHUIwOMXheJpfSCM9TxWd2v/OmM7c3SlrUdEBI=",
	"1.51.0": "h1:J+4+eteZlqThxEJvVZ1qvnXFQt5fY2/lRPZgUUlqwf0=",
	"1.52.1": "h1:P1QgFB9IMbKaCszn8V0XKQ9cBt5qMCrjTg9bbKH8i2E=",
}

// Dir returns the folder where Go keeps the source of a release, and fetches it
// where it is not there. It works outside the project, whose go.mod does not
// mention libuv and shall not: in the folder for temporary files, where Go takes
// no go.mod. One in there would be left behind by an interrupt.
func Dir(release string) (string, error) {
	sum := checksums[release]
	if sum == "" {
		return "", fmt.Errorf("no checksum is known for libuv %s", release)
	}
	name := "github.com/libuv/libuv@v" + release
	cmd := exec.Command("go", "mod", "download", "-json", name)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GO111MODULE=on", "GOWORK=off", "GOFLAGS=", "GONOSUMDB=github.com/libuv/libuv")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if json.Unmarshal(out, &module) == nil && module.Error != "" {
		return "", fmt.Errorf("%s: %s", name, module.Error)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, stderr.String())
	}
	if module.Sum != sum {
		return "", fmt.Errorf("%s: checksum %s, want %s", name, module.Sum, sum)
	}
	return module.Dir, nil
}
