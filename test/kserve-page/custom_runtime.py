# custom_runtime.py
import os
import json
from flask import Flask, request, jsonify
import joblib

app = Flask(__name__)

# Load model on startup
MODEL_PATH = os.environ.get('MODEL_PATH', '/opt/model')
model = joblib.load(f"{MODEL_PATH}/model.pkl")

@app.route('/v1/models/<model_name>:predict', methods=['POST'])
def predict(model_name):
    data = request.get_json()
    instances = data['instances']
    predictions = model.predict(instances).tolist()
    return jsonify({'predictions': predictions})

@app.route('/v1/models/<model_name>', methods=['GET'])
def metadata(model_name):
    return jsonify({
        'name': model_name,
        'versions': ['1'],
        'platform': 'custom-runtime',
        'inputs': [...],  # Define input schema
        'outputs': [...]  # Define output schema
    })

if __name__ == '__main__':
    app.run(host='0.0.0.0', port=8080)
