// Definitions whose documentation is at fault in every way that the checker
// knows.

include "mlir/IR/OpBase.td"
include "mlir/Pass/PassBase.td"

def RA_Dialect : Dialect {
  let name = "ra";
  let cppNamespace = "::ra";
  let description = [{
    ```mlir
    func.func @f() {
      return 1 : i32
    }
    ```
  }];
}

def RA_BareOp : Op<RA_Dialect, "bare">;

def RA_NumberedOp : Op<RA_Dialect, "numbered"> {
  let summary = "constraints out of order, the second one untested";
  let description = [{
    * (C1) one.
    * (C3) three.

    ```mlir
    func.func private @f()
    ```
  }];
}

def BarePass : Pass<"ra-bare"> {
  let options = [Option<"size", "size", "int64_t", "0", "">];
}

def ExamplePass : Pass<"ra-example"> {
  let summary = "an example that runs something else";
  let description = [{
    ```mlir
    // ra-opt --canonicalize
    func.func private @f()
    ```

    ```mlir
    // becomes
    func.func private @g()
    ```

    ```mlir
    // ra-opt --canonicalize
    // CHECK: @g
    func.func private @f()
    ```
  }];
}
